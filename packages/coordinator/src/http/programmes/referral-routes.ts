import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { jsonAmount, usd } from "../money-format.js";
import type { Route } from "../route.js";
import { granted } from "./refusals.js";

/** Longer than any code. */
const TYPED_characters_max = 64;

const codeBody = z.strictObject({ code: z.string().max(TYPED_characters_max) });
const sharePercent = z.int().describe("Share of the operator's part of each charge that goes to whoever brought the payer.");
const referralRegistered = z.object({ code: z.string(), share_percent: sharePercent, message: z.string() });
const referralApplied = z.object({ status: z.literal("applied"), code: z.string(), message: z.string() });
const referralStats = z.object({
  code: z.string(),
  share_percent: sharePercent,
  total_referred: z.int(),
  total_rewards_micro_usd: z.int(),
  total_rewards_usd: z.string(),
  balance_micro_usd: z.int(),
  balance_usd: z.string(),
});
const referralInfo = z.object({
  code: z.string().nullable().describe("The account's own."),
  share_percent: sharePercent,
  referred_by: z.string().nullable().describe("Code of whoever brought the account."),
});

/** The referral programme. Source: money.md §15. */
export function referralRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { referrals, ledger } = dependencies;
  const { share_percent } = referrals;
  return [
    {
      method: "POST",
      url: "/v1/referral/register",
      access: "session",
      doc: { tag: "Account", summary: "Take a code to bring others with", request: codeBody, answer: referralRegistered, errors: [400] },
      async handle(request): Promise<z.infer<typeof referralRegistered>> {
        const { code: wanted } = await controlBody(request, codeBody, dependencies);
        const code = await granted(referrals.register(principalOf(request).accountId, wanted));
        return { code, share_percent, message: `you get ${share_percent}% of the operator's part of what those pay who come with ${code}` };
      },
    },
    {
      method: "POST",
      url: "/v1/referral/apply",
      access: "session",
      doc: { tag: "Account", summary: "Say who brought you: once, for good", request: codeBody, answer: referralApplied, errors: [400] },
      async handle(request): Promise<z.infer<typeof referralApplied>> {
        const { code: typed } = await controlBody(request, codeBody, dependencies);
        const code = await granted(referrals.apply(principalOf(request).accountId, typed));
        return { status: "applied", code, message: `you came with ${code}` };
      },
    },
    {
      method: "GET",
      url: "/v1/referral/stats",
      access: "account",
      doc: { tag: "Account", summary: "How many came with the account's code, and what that earned", answer: referralStats, errors: [404] },
      async handle(request): Promise<z.infer<typeof referralStats>> {
        const { accountId } = principalOf(request);
        const figures = await granted(referrals.figures(accountId));
        if (figures === undefined) throw noReferrer();
        const { spendable_microUsd } = await ledger.balance(accountId);
        return {
          ...{ code: figures.code, share_percent, total_referred: figures.referred },
          total_rewards_micro_usd: jsonAmount(figures.rewards_microUsd),
          total_rewards_usd: usd(figures.rewards_microUsd),
          balance_micro_usd: jsonAmount(spendable_microUsd),
          balance_usd: usd(spendable_microUsd),
        };
      },
    },
    {
      method: "GET",
      url: "/v1/referral/info",
      access: "account",
      doc: { tag: "Account", summary: "The account's referral code, and whose it came with", answer: referralInfo, errors: [404] },
      async handle(request): Promise<z.infer<typeof referralInfo>> {
        const { code, referredBy } = await granted(referrals.info(principalOf(request).accountId));
        if (code === undefined && referredBy === undefined) throw noReferrer();
        return { code: code ?? null, share_percent, referred_by: referredBy ?? null };
      },
    },
  ];
}

function noReferrer(): ApiError {
  return new ApiError({ status: 404, code: "referral_error", message: "this account takes no part in the referral programme yet" });
}
