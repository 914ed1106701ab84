import { ApiError } from "@umbel/dialects";
import type { KeyRecord } from "../accounts/index.js";
import type { Prices } from "../ledger/index.js";
import type { HttpDependencies } from "./dependencies.js";
import { principalOf } from "./exchange.js";
import { jsonAmount, usd, usdPerMillion } from "./money-format.js";
import type { Route } from "./route.js";

/** The calling key, the account's money, and what things cost. Sources: api.md §21, §23; money.md §5, §6. */
export function accountRoutes({ ledger }: HttpDependencies): readonly Route[] {
  return [
    {
      method: "GET",
      url: "/v1/key",
      access: "account",
      async handle(request) {
        const { key } = principalOf(request);
        if (key === undefined) throw new ApiError({ status: 404, code: "not_found", message: "this credential is no API key" });
        const { spent_microUsd } = await ledger.keySpend(key.id);
        return publicKey(key, spent_microUsd);
      },
    },
    {
      method: "GET",
      url: "/v1/payments/balance",
      access: "account",
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
      url: "/v1/pricing",
      access: "public",
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

function publicKey(key: KeyRecord, spent_microUsd: bigint) {
  const { limit_microUsd } = key;
  const left_microUsd = limit_microUsd === null ? null : limit_microUsd - spent_microUsd;
  return {
    id: key.id,
    name: key.name,
    label: key.label,
    disabled: key.disabled,
    limit_usd: limit_microUsd === null ? null : jsonUsd(limit_microUsd),
    limit_reset: key.limitReset,
    usage_usd: jsonUsd(spent_microUsd),
    ...(left_microUsd === null ? {} : { remaining_usd: jsonUsd(left_microUsd > 0n ? left_microUsd : 0n) }),
    allowed_models: key.allowedModels,
    expires_at: key.expiresAt?.toISOString() ?? null,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}

/** Limits and usage of keys are JSON numbers in USD, unlike other amounts (money.md §1). */
function jsonUsd(amount_microUsd: bigint): number {
  return jsonAmount(amount_microUsd) / 1_000_000;
}
