import { z } from "zod";
import type { Prices } from "../ledger/index.js";
import type { HttpDependencies } from "./dependencies.js";
import { principalOf } from "./exchange.js";
import { jsonAmount, usd, usdPerMillion } from "./money-format.js";
import type { Route } from "./route.js";

const microUsd = z.int().describe("Millionths of a USD.");
const usdText = z.string().describe("USD, with six decimals.");
export const balanceObject = z.object({
  balance_micro_usd: microUsd,
  balance_usd: usdText,
  held_micro_usd: microUsd.describe("Held for requests under way, in millionths of a USD."),
  held_usd: usdText,
  withdrawable_micro_usd: microUsd.describe("Earned, and not spent, in millionths of a USD."),
  withdrawable_usd: usdText,
});

const walletObject = z.object({ credit_balance_micro_usd: microUsd });

const perMillion = z.int().describe("Millionths of a USD per million tokens.");
const priceList = z.object({
  prices: z.array(
    z.object({ model: z.string(), input_price: perMillion, output_price: perMillion, input_usd: z.string(), output_usd: z.string() }),
  ),
  fallback_input_price: perMillion.describe("Of models that have no price of their own."),
  fallback_output_price: perMillion,
  fallback_input_usd: z.string(),
  fallback_output_usd: z.string(),
});

/** The account's money, and what things cost. Sources: api.md §23; money.md §5, §6. */
export function accountRoutes({ ledger }: HttpDependencies): readonly Route[] {
  return [
    {
      method: "GET",
      url: "/v1/payments/balance",
      access: "holder",
      doc: { tag: "Account", summary: "The account's money", answer: balanceObject },
      async handle(request) {
        const balance = await ledger.balance(principalOf(request).accountId);
        return {
          balance_micro_usd: jsonAmount(balance.spendable_microUsd),
          balance_usd: usd(balance.spendable_microUsd),
          held_micro_usd: jsonAmount(balance.held_microUsd),
          held_usd: usd(balance.held_microUsd),
          withdrawable_micro_usd: jsonAmount(balance.withdrawable_microUsd),
          withdrawable_usd: usd(balance.withdrawable_microUsd),
        };
      },
    },
    {
      method: "GET",
      url: "/v1/billing/wallet/balance",
      access: "account",
      doc: { tag: "Account", summary: "What the account can spend, in one number", answer: walletObject },
      async handle(request): Promise<z.infer<typeof walletObject>> {
        const { spendable_microUsd } = await ledger.balance(principalOf(request).accountId);
        return { credit_balance_micro_usd: jsonAmount(spendable_microUsd) };
      },
    },
    {
      method: "GET",
      url: "/v1/pricing",
      access: "public",
      doc: { tag: "Account", summary: "What models cost", answer: priceList },
      async handle() {
        const { prices, fallback } = await ledger.listPrices();
        return {
          prices: prices.map((entry) => ({ model: entry.model, ...publicPrices(entry.prices) })),
          fallback_input_price: jsonAmount(fallback.input_microUsd),
          fallback_output_price: jsonAmount(fallback.output_microUsd),
          fallback_input_usd: usdPerMillion(fallback.input_microUsd),
          fallback_output_usd: usdPerMillion(fallback.output_microUsd),
        };
      },
    },
  ];
}

function publicPrices({ input_microUsd, output_microUsd }: Prices) {
  return {
    input_price: jsonAmount(input_microUsd),
    output_price: jsonAmount(output_microUsd),
    input_usd: usdPerMillion(input_microUsd),
    output_usd: usdPerMillion(output_microUsd),
  };
}
