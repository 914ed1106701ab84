import { ApiError } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { PAYMENT_LIMITS } from "../../payments/index.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { queryOf } from "../lists/query.js";
import type { Route } from "../route.js";
import { usdAmount } from "../usd-amount.js";
import { LIMIT_PARAMETER, listQuery } from "./deposit-routes.js";
import { nothingThere, paid } from "./refusals.js";
import { shownWithdrawal, submitted, submittedAnswer, withdrawalList, withdrawalObject } from "./withdrawal-schema.js";

const onboardBody = z.strictObject({
  return_url: z.string().max(2_048).optional(),
  refresh_url: z.string().max(2_048).optional(),
  country: z.string().optional().describe("Two letters. It is fixed for a connected account; another one makes another account."),
});
const onboardAnswer = z.object({ url: z.string().describe("Stripe's page."), stripe_account_id: z.string(), status: z.string() });
const statusAnswer = z.object({
  has_account: z.boolean(),
  configured: z.boolean(),
  stripe_account_id: z.string().optional(),
  status: z.enum(["", "pending", "restricted", "ready", "rejected"]).optional(),
  stripe_account_country: z.string().optional(),
  destination_type: z.enum(["bank", "card"]).nullable().optional(),
  destination_last4: z.string().nullable().optional(),
  instant_eligible: z.boolean().optional(),
  min_withdraw_micro_usd: z.int().optional(),
  instant_fee_bps: z.int().optional(),
  instant_fee_min_usd: z.number().optional(),
  currently_due: z.array(z.string()).optional().describe("What Stripe must still be told."),
});
const withdrawBody = z.strictObject({ amount_usd: usdAmount, method: z.string().default("standard").describe("standard or instant") });
const refreshQuery = z.strictObject({ refresh: z.enum(["0", "1"]).default("0") });

export const IDEMPOTENCY_HEADER = {
  name: "Idempotency-Key",
  in: "header",
  description: "A withdrawal that is asked for again under the same key happens once.",
} as const;

/** Money that goes out to bank accounts and cards. Source: money.md §12. */
export function withdrawalRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { payments } = dependencies;

  const list = (url: string, summary: string, rail?: "stripe"): Route => ({
    method: "GET",
    url,
    access: "session",
    doc: { tag: "Billing", summary, parameters: [LIMIT_PARAMETER], answer: withdrawalList, errors: [400] },
    async handle(request): Promise<z.infer<typeof withdrawalList>> {
      const query = { ...queryOf(request, listQuery), ...(rail === undefined ? {} : { rail }) };
      return { withdrawals: (await payments.withdrawals(principalOf(request).accountId, query)).map(shownWithdrawal) };
    },
  });
  const one = (url: string): Route => ({
    method: "GET",
    url,
    access: "session",
    doc: { tag: "Billing", summary: "One withdrawal", answer: withdrawalObject, errors: [404] },
    async handle(request): Promise<z.infer<typeof withdrawalObject>> {
      const { id } = request.params as { readonly id: string };
      const row = await payments.withdrawal(principalOf(request).accountId, id);
      if (row === undefined) throw nothingThere("withdrawal");
      return shownWithdrawal(row);
    },
  });

  return [
    {
      method: "POST",
      url: "/v1/billing/stripe/onboard",
      access: "session",
      doc: { tag: "Billing", summary: "Tell Stripe where to pay to", request: onboardBody, answer: onboardAnswer, errors: [400, 409, 502] },
      async handle(request): Promise<z.infer<typeof onboardAnswer>> {
        const { country, return_url: returnUrl, refresh_url: refreshUrl } = await controlBody(request, onboardBody, dependencies);
        const { accountId } = principalOf(request);
        const { url, account } = await paid(payments.accounts.onboard({ accountId, country, returnUrl, refreshUrl }));
        return { url, stripe_account_id: account.stripeAccountId, status: account.status };
      },
    },
    {
      method: "GET",
      url: "/v1/billing/stripe/status",
      access: "session",
      doc: {
        tag: "Billing",
        summary: "Where Stripe pays to",
        parameters: [{ name: "refresh", in: "query", description: "1 asks Stripe first." }],
        answer: statusAnswer,
        errors: [400, 502],
      },
      async handle(request): Promise<z.infer<typeof statusAnswer>> {
        if (!payments.paysBanks) return { has_account: false, configured: false };
        const { refresh } = queryOf(request, refreshQuery);
        const account = await paid(payments.accounts.status(principalOf(request).accountId, refresh === "1"));
        const terms = {
          configured: true,
          min_withdraw_micro_usd: Number(PAYMENT_LIMITS.withdrawal_microUsd_min),
          instant_fee_bps: Number(PAYMENT_LIMITS.instantFee_bps),
          instant_fee_min_usd: Number(PAYMENT_LIMITS.instantFee_microUsd_min) / 1_000_000,
        };
        if (account === undefined) return { has_account: false, status: "", ...terms };
        return {
          ...{ has_account: true, ...terms, stripe_account_id: account.stripeAccountId, status: account.status },
          ...{ stripe_account_country: account.country, destination_type: account.destinationType },
          ...{ destination_last4: account.destinationLast4, instant_eligible: account.instantEligible },
          ...(account.currentlyDue.length === 0 ? {} : { currently_due: account.currentlyDue }),
        };
      },
    },
    {
      method: "POST",
      url: "/v1/billing/withdraw/stripe",
      access: "session",
      doc: {
        tag: "Billing",
        summary: "Withdraw earnings to a bank account or a debit card",
        parameters: [IDEMPOTENCY_HEADER],
        description: "202 means that it is on its way and goes on by itself.",
        request: withdrawBody,
        answer: submittedAnswer,
        errors: [400, 409, 502],
      },
      async handle(request, reply) {
        const { amount_usd: amount_microUsd, method } = await controlBody(request, withdrawBody, dependencies);
        const { accountId } = principalOf(request);
        const asked = { accountId, amount_microUsd, method, clientKey: clientKeyOf(request) };
        return answerWithdrawal(await paid(payments.withdrawByStripe(asked)), reply, dependencies);
      },
    },
    list("/v1/billing/withdrawals", "Withdrawals of the account, newest first"),
    one("/v1/billing/withdrawals/:id"),
    list("/v1/billing/stripe/withdrawals", "Those to bank accounts and cards", "stripe"),
    one("/v1/billing/stripe/withdrawals/:id"),
  ];
}

type Withdrawal = Awaited<ReturnType<HttpDependencies["payments"]["withdrawByStripe"]>>;

/** @throws ApiError when it has failed by now: then all of it was given back */
export async function answerWithdrawal(
  row: Withdrawal,
  reply: FastifyReply,
  { ledger }: HttpDependencies,
): Promise<z.infer<typeof submittedAnswer>> {
  if (row.status === "failed") {
    const message = `the withdrawal ${row.id} was refused (${row.failureReason ?? "unknown"}), and the money given back`;
    throw new ApiError({ status: 502, code: row.rail === "stripe" ? "stripe_error" : "chain_error", message });
  }
  if (row.status === "pending" || row.status === "transferred") reply.status(202);
  return submitted(row, (await ledger.balance(row.accountId)).spendable_microUsd);
}

/** @throws ApiError 400 */
export function clientKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key === "string" && key.length >= 1 && key.length <= PAYMENT_LIMITS.clientKey_characters_max) return key;
  const message = `Idempotency-Key must have 1 to ${PAYMENT_LIMITS.clientKey_characters_max} characters`;
  throw new ApiError({ status: 400, code: "invalid_request_error", message, param: "Idempotency-Key" });
}
