import { ApiError } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { AfterGift, Gift } from "../../accounts/index.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { jsonAmount, usd, usdPerMillion } from "../money-format.js";
import type { Route } from "../route.js";
import { usdAmount } from "../usd-amount.js";
import { administered, adminRequestOf, IDEMPOTENCY_KEY } from "./admin-change.js";

const giftBody = z.strictObject({
  email: z.string().min(1).max(320).optional().describe("Of the account, where one account has it."),
  account_id: z.string().min(1).max(128).optional().describe("Instead of the e-mail address."),
  amount_usd: usdAmount,
  note: z.string().optional().describe("Why; kept in the ledger and the audit."),
});
const given = { ok: z.literal(true), account_id: z.string(), email: z.string().nullable() };
const microUsd = z.int().describe("Millionths of a USD that can be spent.");
export const creditAnswer = z.object({ ...given, credited_usd: z.string(), withdrawable: z.literal(false), balance_after: microUsd });
export const rewardAnswer = z.object({
  ...given,
  rewarded_usd: z.string(),
  withdrawable: z.literal(true),
  balance_after: microUsd,
  withdrawable_after: z.int().describe("Millionths of a USD that can be withdrawn."),
});

const price = z.int().min(1).max(Number.MAX_SAFE_INTEGER).describe("Millionths of a USD per million tokens.");
const pricingBody = z.strictObject({ model: z.string().min(1).max(256).describe("A build."), input_price: price, output_price: price });
export const pricingAnswer = z.object({
  status: z.literal("platform_default_updated"),
  model: z.string(),
  input_price: z.int(),
  output_price: z.int(),
  input_usd: z.string(),
  output_usd: z.string(),
});

/** Money that operators give, and list prices. Sources: money.md §6, §15. */
export function adminMoneyRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { administration, catalog } = dependencies;

  /** The gift of a request, given by `give`. */
  async function gift(request: FastifyRequest, reply: FastifyReply, give: typeof administration.credit): Promise<AfterGift> {
    const { email, account_id, amount_usd, note } = await controlBody(request, giftBody, dependencies);
    const to = nameOf(email, account_id);
    return administered(give({ to, amount_microUsd: amount_usd, note }, adminRequestOf(request, reply, dependencies)));
  }

  return [
    {
      method: "POST",
      url: "/v1/admin/credit",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Give an account money to spend, which cannot be withdrawn",
        parameters: [IDEMPOTENCY_KEY],
        request: giftBody,
        answer: creditAnswer,
        errors: [400, 404, 409, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof creditAnswer>> {
        const { accountId, email, amount_microUsd, balanceAfter_microUsd } = await gift(request, reply, administration.credit);
        const figures = { credited_usd: usd(amount_microUsd), balance_after: jsonAmount(balanceAfter_microUsd) };
        return { ok: true, account_id: accountId, email, withdrawable: false, ...figures };
      },
    },
    {
      method: "POST",
      url: "/v1/admin/reward",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Give an account money as if it were earned, which can be withdrawn",
        parameters: [IDEMPOTENCY_KEY],
        request: giftBody,
        answer: rewardAnswer,
        errors: [400, 404, 409, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof rewardAnswer>> {
        const after = await gift(request, reply, administration.reward);
        return {
          ...{ ok: true, account_id: after.accountId, email: after.email, rewarded_usd: usd(after.amount_microUsd), withdrawable: true },
          balance_after: jsonAmount(after.balanceAfter_microUsd),
          withdrawable_after: jsonAmount(after.withdrawableAfter_microUsd),
        };
      },
    },
    {
      method: "PUT",
      url: "/v1/admin/pricing",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Set the list price of a build, for requests from now on",
        parameters: [IDEMPOTENCY_KEY],
        request: pricingBody,
        answer: pricingAnswer,
        errors: [400, 404, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof pricingAnswer>> {
        const { model, input_price, output_price } = await controlBody(request, pricingBody, dependencies);
        if (catalog.build(model) === undefined) {
          throw new ApiError({ status: 404, code: "not_found", message: "there is no such build in service", param: "model" });
        }
        const prices = { input_microUsd: BigInt(input_price), output_microUsd: BigInt(output_price) };
        await administered(administration.setListPrice(model, prices, adminRequestOf(request, reply, dependencies)));
        return {
          ...{ status: "platform_default_updated", model, input_price, output_price },
          input_usd: `${usdPerMillion(prices.input_microUsd)} per 1M tokens`,
          output_usd: `${usdPerMillion(prices.output_microUsd)} per 1M tokens`,
        };
      },
    },
  ];
}

function nameOf(email: string | undefined, accountId: string | undefined): Gift["to"] {
  if (email !== undefined && accountId === undefined) return { email };
  if (email === undefined && accountId !== undefined) return { accountId };
  throw new ApiError({ status: 400, code: "bad_request", message: "give either email or account_id", param: "email" });
}
