import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { ADMINISTRATION_LIMITS, type ListedUser, ROLES } from "../../accounts/index.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { journalEntry, journalEntryOf } from "../lists/journal.js";
import { queryOf } from "../lists/query.js";
import { jsonAmount, usd } from "../money-format.js";
import type { Route } from "../route.js";
import { administered, adminRequestOf, IDEMPOTENCY_KEY } from "./admin-change.js";

const ROWS_default = 50;
const { usersPerPage_max, entriesPerPage_max } = ADMINISTRATION_LIMITS;

const accountId = z.string().min(1).max(128);
const roleBody = z.strictObject({ account_id: accountId, role: z.enum(ROLES).describe("`service` is a trusted aggregator.") });
const feePercent = z.int().min(0).max(100).nullable().describe("Of what the account pays; null takes the default.");
const feeBody = z.strictObject({ account_id: accountId, platform_fee_percent: feePercent });
const freezeBody = z.strictObject({ reason: z.string().describe("Why; the account's owner is told, and the audit.") });

const mergeBody = z.strictObject({ into: accountId.describe("The account that has everything then.") });

const usersQuery = z.strictObject({
  q: z.string().max(320).default(""),
  cursor: accountId.optional(),
  limit: z.coerce.number().int().min(1).max(usersPerPage_max).default(ROWS_default),
});
const ledgerQuery = z.strictObject({
  cursor: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(entriesPerPage_max).default(ROWS_default),
});

const microUsd = z.int().describe("Millionths of a USD.");
export const userTable = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      account_id: z.string(),
      display_name: z.string(),
      email: z.string().nullable(),
      role: z.enum(ROLES),
      platform_fee_percent: feePercent,
      frozen_reason: z.string().nullable(),
      balance_micro_usd: microUsd,
      held_micro_usd: microUsd,
      withdrawable_micro_usd: microUsd,
      keys: z.int(),
      machines: z.int(),
      created_at: z.iso.datetime(),
      last_used_at: z.iso.datetime().nullable().describe("When one of its keys was used."),
      erased_at: z.iso.datetime().nullable(),
      merged_into: z.string().nullable().describe("The account that it went over to."),
    }),
  ),
  next: z.string().nullable().describe("`cursor` of the page behind."),
});
export const userLedger = z.object({
  object: z.literal("list"),
  account_id: z.string(),
  data: z.array(journalEntry),
  next: z.int().nullable().describe("`cursor` of the page behind."),
});
export const userUpdated = z.object({ status: z.string(), account_id: z.string() });
export const roleAnswer = userUpdated.extend({ role: z.enum(ROLES) });
export const feeAnswer = userUpdated.extend({ platform_fee_percent: feePercent, note: z.string().optional() });

export const mergeAnswer = userUpdated.extend({
  into: z.string(),
  moved_micro_usd: microUsd,
  moved_usd: z.string(),
  rows: z.record(z.string(), z.int()).describe("What went over with it, by kind."),
});

/** Accounts, for operators. Source: money.md §15. */
export function adminUserRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { administration } = dependencies;
  return [
    {
      method: "GET",
      url: "/v1/admin/users",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Accounts, with what they have",
        parameters: [
          { name: "q", in: "query", description: "A part of the id, the e-mail address or the name; all if absent." },
          { name: "limit", in: "query", description: `Rows, at most ${usersPerPage_max}; ${ROWS_default} if absent.` },
          { name: "cursor", in: "query", description: "`next` of the list that this one goes on from." },
        ],
        answer: userTable,
        errors: [400],
      },
      async handle(request): Promise<z.infer<typeof userTable>> {
        const { q, cursor, limit } = queryOf(request, usersQuery);
        const rows = await administered(administration.users({ text: q.trim(), after: cursor, limit }));
        return { object: "list", data: rows.map(shown), next: rows.length === limit ? (rows.at(-1)?.accountId ?? null) : null };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/users/:id/ledger",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "What moved on an account, latest first",
        parameters: [
          { name: "limit", in: "query", description: `Rows, at most ${entriesPerPage_max}; ${ROWS_default} if absent.` },
          { name: "cursor", in: "query", description: "`next` of the list that this one goes on from." },
        ],
        answer: userLedger,
        errors: [400, 404],
      },
      async handle(request): Promise<z.infer<typeof userLedger>> {
        const { cursor, limit } = queryOf(request, ledgerQuery);
        const id = idOf(request);
        const rows = await administered(administration.journal(id, { before: cursor, limit }));
        if (rows === undefined) throw new ApiError({ status: 404, code: "not_found", message: "there is no such account" });
        const data = rows.map(journalEntryOf);
        return { object: "list", account_id: id, data, next: rows.length === limit ? (rows.at(-1)?.seq ?? null) : null };
      },
    },
    {
      method: "PUT",
      url: "/v1/admin/users/role",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Make an account a service account, or an ordinary one again",
        parameters: [IDEMPOTENCY_KEY],
        request: roleBody,
        answer: roleAnswer,
        errors: [400, 404, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof roleAnswer>> {
        const { account_id, role } = await controlBody(request, roleBody, dependencies);
        await administered(administration.setRole(account_id, role, adminRequestOf(request, reply, dependencies)));
        return { status: "role_updated", account_id, role };
      },
    },
    {
      method: "PUT",
      url: "/v1/admin/users/platform-fee",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Set the share that the operator keeps of what an account pays",
        parameters: [IDEMPOTENCY_KEY],
        request: feeBody,
        answer: feeAnswer,
        errors: [400, 404, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof feeAnswer>> {
        const { account_id, platform_fee_percent } = await controlBody(request, feeBody, dependencies);
        const change = administration.setPlatformFee(account_id, platform_fee_percent, adminRequestOf(request, reply, dependencies));
        await administered(change);
        const note = platform_fee_percent === null ? { note: "the default applies" } : {};
        return { status: "platform_fee_updated", account_id, platform_fee_percent, ...note };
      },
    },
    {
      method: "POST",
      url: "/v1/admin/users/:id/freeze",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Let an account neither ask models nor withdraw",
        parameters: [IDEMPOTENCY_KEY],
        request: freezeBody,
        answer: userUpdated,
        errors: [400, 404, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof userUpdated>> {
        const { reason } = await controlBody(request, freezeBody, dependencies);
        const id = idOf(request);
        await administered(administration.setFrozen(id, reason, adminRequestOf(request, reply, dependencies)));
        return { status: "frozen", account_id: id };
      },
    },
    {
      method: "POST",
      url: "/v1/admin/users/:id/unfreeze",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Let a frozen account go on",
        parameters: [IDEMPOTENCY_KEY],
        answer: userUpdated,
        errors: [404, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof userUpdated>> {
        const id = idOf(request);
        await administered(administration.setFrozen(id, null, adminRequestOf(request, reply, dependencies)));
        return { status: "active", account_id: id };
      },
    },
    {
      method: "POST",
      url: "/v1/admin/users/:id/merge",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Let an account go over to another for good, with its money, keys, machines and usage",
        parameters: [IDEMPOTENCY_KEY],
        request: mergeBody,
        answer: mergeAnswer,
        errors: [400, 404, 409, 422],
      },
      async handle(request, reply): Promise<z.infer<typeof mergeAnswer>> {
        const { into } = await controlBody(request, mergeBody, dependencies);
        const merging = administration.merge(idOf(request), into, adminRequestOf(request, reply, dependencies));
        const { from, moved_microUsd, rows } = await administered(merging);
        const moved = { moved_micro_usd: jsonAmount(moved_microUsd), moved_usd: usd(moved_microUsd) };
        return { status: "merged", account_id: from, into, ...moved, rows };
      },
    },
  ];
}

function idOf(request: FastifyRequest): string {
  return (request.params as { readonly id: string }).id;
}

function shown(user: ListedUser): z.infer<typeof userTable>["data"][number] {
  return {
    account_id: user.accountId,
    display_name: user.displayName,
    email: user.email,
    role: user.role,
    platform_fee_percent: user.platformFeePercent,
    frozen_reason: user.frozenReason,
    balance_micro_usd: jsonAmount(user.balance_microUsd),
    held_micro_usd: jsonAmount(user.held_microUsd),
    withdrawable_micro_usd: jsonAmount(user.withdrawable_microUsd),
    keys: user.keys,
    machines: user.machines,
    created_at: user.createdAt.toISOString(),
    last_used_at: user.lastUsedAt?.toISOString() ?? null,
    erased_at: user.erasedAt?.toISOString() ?? null,
    merged_into: user.mergedInto,
  };
}
