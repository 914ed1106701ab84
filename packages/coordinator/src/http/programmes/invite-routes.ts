import { z } from "zod";
import { INVITE_LIMITS, type Invite } from "../../accounts/index.js";
import { adminRequestOf, IDEMPOTENCY_KEY } from "../administration/index.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { queryOf } from "../lists/query.js";
import { usd } from "../money-format.js";
import type { Route } from "../route.js";
import { usdAmount } from "../usd-amount.js";
import { granted } from "./refusals.js";

const ROWS_default = 100;
/** Longer than any code. */
const TYPED_characters_max = 64;

const code = z.string().max(TYPED_characters_max);
const newInviteBody = z.strictObject({
  code: code.optional().describe("3 to 20 letters, digits and hyphens; one is made if absent."),
  amount_usd: usdAmount,
  max_uses: z.int().max(INVITE_LIMITS.uses_max).default(1).describe("Accounts that may redeem it; below 1 is 1."),
  unlimited: z.boolean().default(false).describe("Any number of accounts may."),
  expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
});
const codeBody = z.strictObject({ code });
const listQuery = z.strictObject({
  cursor: code.optional(),
  limit: z.coerce.number().int().min(1).max(INVITE_LIMITS.codesPerPage_max).default(ROWS_default),
});

export const inviteObject = z.object({
  code: z.string(),
  amount_usd: z.string().describe("USD, with six decimals."),
  max_uses: z.int().describe("0 is any number."),
  used_count: z.int(),
  active: z.boolean(),
  expires_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
});
export const inviteTable = z.object({
  object: z.literal("list"),
  data: z.array(inviteObject),
  next: z.string().nullable().describe("`cursor` of the page behind."),
});
export const inviteEnded = z.object({ status: z.literal("deactivated"), code: z.string() });
const redeemed = z.object({ credited_usd: z.string(), balance_usd: z.string().describe("What can be spent now.") });

/** Invite codes: made by operators, redeemed by people. Source: money.md §15. */
export function inviteRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { invites } = dependencies;
  return [
    {
      method: "POST",
      url: "/v1/admin/invite-codes",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Make a code that is worth money to spend",
        parameters: [IDEMPOTENCY_KEY],
        request: newInviteBody,
        answer: inviteObject,
        status: 201,
        errors: [400, 409, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof inviteObject>> {
        const { code: wanted, amount_usd, max_uses, unlimited, expires_at } = await controlBody(request, newInviteBody, dependencies);
        const invite = {
          code: wanted,
          amount_microUsd: amount_usd,
          uses_max: unlimited ? 0 : Math.max(1, max_uses),
          expiresAt: expires_at === null ? null : new Date(expires_at),
        };
        const made = await granted(invites.create(invite, adminRequestOf(request, reply, dependencies)));
        void reply.status(201);
        return shown(made);
      },
    },
    {
      method: "GET",
      url: "/v1/admin/invite-codes",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Invite codes, latest first",
        parameters: [
          { name: "limit", in: "query", description: `Rows, at most ${INVITE_LIMITS.codesPerPage_max}; ${ROWS_default} if absent.` },
          { name: "cursor", in: "query", description: "`next` of the list that this one goes on from." },
        ],
        answer: inviteTable,
        errors: [400],
      },
      async handle(request): Promise<z.infer<typeof inviteTable>> {
        const { cursor, limit } = queryOf(request, listQuery);
        const rows = await granted(invites.list({ after: cursor, limit }));
        return { object: "list", data: rows.map(shown), next: rows.length === limit ? (rows.at(-1)?.code ?? null) : null };
      },
    },
    {
      method: "DELETE",
      url: "/v1/admin/invite-codes",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Let nobody redeem a code any more",
        parameters: [IDEMPOTENCY_KEY],
        request: codeBody,
        answer: inviteEnded,
        errors: [400, 404, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof inviteEnded>> {
        const { code: ended } = await controlBody(request, codeBody, dependencies);
        await granted(invites.deactivate(ended, adminRequestOf(request, reply, dependencies)));
        return { status: "deactivated", code: ended.trim().toUpperCase() };
      },
    },
    {
      method: "POST",
      url: "/v1/invite/redeem",
      access: "session",
      doc: {
        tag: "Account",
        summary: "Redeem an invite code",
        description: `Once an account. ${INVITE_LIMITS.misses_max} codes in an hour that there are not are the end of guessing for an hour.`,
        request: codeBody,
        answer: redeemed,
        errors: [400, 404, 429],
      },
      async handle(request): Promise<z.infer<typeof redeemed>> {
        const { code: typed } = await controlBody(request, codeBody, dependencies);
        const { credited_microUsd, balance_microUsd } = await granted(invites.redeem(principalOf(request).accountId, typed));
        return { credited_usd: usd(credited_microUsd), balance_usd: usd(balance_microUsd) };
      },
    },
  ];
}

function shown(invite: Invite): z.infer<typeof inviteObject> {
  return {
    code: invite.code,
    amount_usd: usd(invite.amount_microUsd),
    max_uses: invite.uses_max,
    used_count: invite.uses,
    active: invite.active,
    expires_at: invite.expiresAt?.toISOString() ?? null,
    created_at: invite.createdAt.toISOString(),
  };
}
