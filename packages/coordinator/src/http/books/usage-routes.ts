import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Generation } from "../../ledger/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { exportFile } from "../lists/export.js";
import { journalEntry, journalEntryOf } from "../lists/journal.js";
import { queryOf } from "../lists/query.js";
import { jsonAmount, usd } from "../money-format.js";
import type { Route } from "../route.js";
import {
  cursorOf,
  LIST_LIMITS,
  PAGING_PARAMETERS,
  PERIOD_PARAMETERS,
  paging,
  period,
  periodOf,
  placeOf,
  usageFilter,
  wantsCsv,
} from "./list-query.js";

const SUMMARY_default_ms = 30 * 24 * 3_600_000;

const usageQuery = z.strictObject({ ...period, ...paging, ...usageFilter });
const summaryQuery = z.strictObject({ ...period, ...usageFilter, group: z.enum(["day", "model", "key"]).default("day") });
const generationQuery = z.strictObject({ id: z.string().min(1).max(LIST_LIMITS.text_max) });
const ledgerQuery = z.strictObject({
  cursor: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(LIST_LIMITS.entries_max).default(LIST_LIMITS.rows_default),
});

const tokens = z.int();
const usageItem = z.object({
  job_id: z.string(),
  model: z.string().describe("As it was asked for."),
  key_id: z.string().nullable(),
  prompt_tokens: tokens,
  cached_prompt_tokens: tokens,
  completion_tokens: tokens,
  reasoning_tokens: tokens.describe("Part of the completion."),
  cost_micro_usd: z.int(),
  cost_usd: z.string(),
  own_machine: z.boolean().describe("Served by a machine of the account's own, and free."),
  timestamp: z.iso.datetime(),
});
export const usageList = z.object({ usage: z.array(usageItem), next_cursor: z.string().nullable() });
export const usageSummary = z.object({
  group: z.enum(["day", "model", "key"]),
  from: z.iso.datetime(),
  to: z.iso.datetime().nullable(),
  data: z.array(
    z.object({
      name: z.string().nullable().describe("The day, the model, or the key's id; null is no key."),
      requests: z.int(),
      prompt_tokens: tokens,
      completion_tokens: tokens,
      cost_micro_usd: z.int(),
      cost_usd: z.string(),
    }),
  ),
  total_micro_usd: z.int(),
  total_usd: z.string(),
});
const generation = z.object({
  data: z.object({
    id: z.string(),
    model: z.string(),
    state: z.enum(["running", "settled", "released"]).describe("`released` costs nothing."),
    reason: z.string().nullable().describe("How it ended."),
    created_at: z.iso.datetime(),
    latency_ms: z.int().nullable().describe("From admission to settlement."),
    tokens_prompt: tokens,
    tokens_completion: tokens,
    tokens_reasoning: tokens,
    tokens_cached: tokens,
    total_cost: z.number().describe("USD."),
    cost_micro_usd: z.int(),
    held_micro_usd: z.int().describe("While it runs."),
    own_machine: z.boolean(),
  }),
});
const ledgerList = z.object({
  object: z.literal("list"),
  data: z.array(journalEntry),
  next: z.int().nullable().describe("`cursor` of the page behind."),
});

const FILTERS = [
  ...PERIOD_PARAMETERS,
  { name: "key_id", in: "query", description: "Only of this key." },
  { name: "model", in: "query", description: "Only of this model, as it was asked for, or of this build." },
] as const;

/** What an account has used, and what moved on it. Sources: money.md §5, §17; api.md §23. */
export function usageRoutes({ history, clock }: HttpDependencies): readonly Route[] {
  const filterOf = (request: FastifyRequest, query: { readonly key_id?: string | undefined; readonly model?: string | undefined }) => ({
    accountId: principalOf(request).accountId,
    keyId: query.key_id,
    model: query.model,
  });

  return [
    {
      method: "GET",
      url: "/v1/payments/usage",
      access: "account",
      doc: {
        tag: "Account",
        summary: "What requests used and cost, latest first",
        description: "With `Accept: text/csv` all of it, as a file.",
        parameters: [...FILTERS, ...PAGING_PARAMETERS],
        answer: usageList,
        errors: [400],
      },
      async handle(request, reply) {
        const query = queryOf(request, usageQuery);
        const filter = { ...filterOf(request, query), ...periodOf(query) };
        if (wantsCsv(request.headers.accept)) {
          type Row = Awaited<ReturnType<typeof history.usage>>[number];
          const page = (after: Row | undefined, limit: number) => history.usage(filter, after && rowPlace(after), limit);
          const columns = Object.keys(usageItem.shape);
          return exportFile(reply, { name: "usage", at: clock.date(), page, rowOf: shown, columns, format: "csv" });
        }
        const rows = await history.usage(filter, placeOf(query.cursor), query.limit);
        const last = rows.at(-1);
        const next_cursor = last !== undefined && rows.length === query.limit ? cursorOf(rowPlace(last)) : null;
        return { usage: rows.map(shown), next_cursor } satisfies z.infer<typeof usageList>;
      },
    },
    {
      method: "GET",
      url: "/v1/payments/usage/summary",
      access: "account",
      doc: {
        tag: "Account",
        summary: "The same, summed by day, model or key",
        parameters: [{ name: "group", in: "query", description: "day, which is the default, model or key." }, ...FILTERS],
        answer: usageSummary,
        errors: [400],
      },
      async handle(request) {
        const query = queryOf(request, summaryQuery);
        const { from = new Date(clock.date().getTime() - SUMMARY_default_ms), to } = periodOf(query);
        const sums = await history.usageSums({ ...filterOf(request, query), from, to }, query.group);
        const total = sums.reduce((sum, { cost_microUsd }) => sum + cost_microUsd, 0n);
        return {
          group: query.group,
          from: from.toISOString(),
          to: to?.toISOString() ?? null,
          data: sums.map(({ cost_microUsd, ...sum }) => ({
            ...sum,
            cost_micro_usd: jsonAmount(cost_microUsd),
            cost_usd: usd(cost_microUsd),
          })),
          total_micro_usd: jsonAmount(total),
          total_usd: usd(total),
        } satisfies z.infer<typeof usageSummary>;
      },
    },
    {
      method: "GET",
      url: "/v1/generation",
      access: "account",
      doc: {
        tag: "Account",
        summary: "Tokens, cost and time of one request",
        parameters: [{ name: "id", in: "query", description: "Of the answer, or of the request (`X-Inference-Job-ID`)." }],
        answer: generation,
        errors: [400, 404],
      },
      async handle(request) {
        const { id } = queryOf(request, generationQuery);
        const requestId = requestIdIn(id);
        const found = await history.generation(principalOf(request).accountId, requestId);
        if (found === undefined) throw new ApiError({ status: 404, code: "not_found", message: "this account has no request of this id" });
        return { data: generationOf(requestId, found) };
      },
    },
    {
      method: "GET",
      url: "/v1/payments/ledger",
      access: "account",
      doc: {
        tag: "Account",
        summary: "What moved on the account, latest first",
        parameters: [
          { name: "limit", in: "query", description: `Rows, at most ${LIST_LIMITS.entries_max}; ${LIST_LIMITS.rows_default} if absent.` },
          { name: "cursor", in: "query", description: "`next` of the list that this one goes on from." },
        ],
        answer: ledgerList,
        errors: [400],
      },
      async handle(request) {
        const { cursor, limit } = queryOf(request, ledgerQuery);
        const rows = await history.journal(principalOf(request).accountId, { before: cursor, limit });
        const data = rows.map(journalEntryOf);
        return { object: "list", data, next: data.length === limit ? (data.at(-1)?.seq ?? null) : null } satisfies z.infer<
          typeof ledgerList
        >;
      },
    },
  ];
}

type UsageItem = Awaited<ReturnType<HttpDependencies["history"]["usage"]>>[number];

function rowPlace({ createdAt, requestId }: UsageItem) {
  return { at: createdAt, id: requestId };
}

function shown(row: UsageItem): z.infer<typeof usageItem> {
  return {
    job_id: row.requestId,
    model: row.publicModel,
    key_id: row.keyId,
    prompt_tokens: row.prompt_tokens,
    cached_prompt_tokens: row.cachedPrompt_tokens,
    completion_tokens: row.completion_tokens,
    reasoning_tokens: row.reasoning_tokens,
    cost_micro_usd: jsonAmount(row.cost_microUsd),
    cost_usd: usd(row.cost_microUsd),
    own_machine: !row.isPublic,
    timestamp: row.createdAt.toISOString(),
  };
}

/** Answers are named after their request, each surface in its own way. */
function requestIdIn(id: string): string {
  const bare = id.replace(/^(?:chatcmpl|cmpl|resp|msg)[-_]/, "");
  const [, a, b, c, d, e] = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(bare) ?? [];
  return e === undefined ? bare : [a, b, c, d, e].join("-");
}

function generationOf(id: string, { used, reserved }: Generation): z.infer<typeof generation>["data"] {
  const began = reserved?.createdAt ?? used?.admittedAt ?? new Date(0);
  const ended = reserved?.finalizedAt ?? used?.createdAt;
  const state = used !== undefined ? "settled" : reserved?.state === "released" ? "released" : "running";
  const cost = used?.cost_microUsd ?? 0n;
  return {
    id,
    model: used?.publicModel ?? reserved?.publicModel ?? "",
    state,
    reason: reserved?.finalReason ?? null,
    created_at: began.toISOString(),
    latency_ms: ended === undefined ? null : Math.max(0, ended.getTime() - began.getTime()),
    tokens_prompt: used?.prompt_tokens ?? 0,
    tokens_completion: used?.completion_tokens ?? 0,
    tokens_reasoning: used?.reasoning_tokens ?? 0,
    tokens_cached: used?.cachedPrompt_tokens ?? 0,
    total_cost: Number(usd(cost)),
    cost_micro_usd: jsonAmount(cost),
    held_micro_usd: state === "running" ? jsonAmount(reserved?.hold_microUsd ?? 0n) : 0,
    own_machine: used?.isPublic === false,
  };
}
