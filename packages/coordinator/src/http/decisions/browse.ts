import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { DECISION_OUTCOMES, type DecisionArchive, ERROR_CLASSES, FINAL_STATUSES, type RowPlace } from "../../insight/index.js";
import type { RouteParameter } from "../openapi/route-doc.js";

export const BROWSE_LIMITS = { rows_default: 1_000, rows_max: 50_000, text_max: 256 } as const;
/** How far back a list goes that names no beginning. */
const SINCE_default_ms = 24 * 3_600_000;
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const;

const name = z.string().min(1).max(BROWSE_LIMITS.text_max);
const filters = {
  model: name.optional(),
  provider: name.optional(),
  outcome: z.enum(DECISION_OUTCOMES).optional(),
  final_status: z.enum(FINAL_STATUSES).optional(),
  error_class: z.enum(ERROR_CLASSES).optional(),
  since: name.optional(),
  until: z.iso.datetime({ offset: true }).optional(),
};

export const browseQuery = z.strictObject({
  ...filters,
  after: name.optional(),
  limit: z.coerce.number().int().min(1).max(BROWSE_LIMITS.rows_max).optional(),
});
export const exportQuery = z.strictObject({ ...filters, format: z.enum(["csv", "ndjson"]).default("csv") });

export const FILTER_PARAMETERS: readonly RouteParameter[] = [
  { name: "model", in: "query", description: "Build, or name that consumers use." },
  { name: "provider", in: "query", description: "Pseudonym of the machine that was chosen." },
  { name: "outcome", in: "query", description: DECISION_OUTCOMES.join(", ") },
  { name: "final_status", in: "query", description: FINAL_STATUSES.join(", ") },
  { name: "error_class", in: "query", description: ERROR_CLASSES.join(", ") },
  { name: "since", in: "query", description: "A duration such as 30m, 24h or 7d, or a time; 24h unless it says otherwise." },
  { name: "until", in: "query", description: "A time." },
];

export type Filter = Omit<Parameters<DecisionArchive["browse"]>[0], "after" | "limit">;

/** @throws ApiError 400 for a beginning that is neither a duration nor a time */
export function filterOf(query: z.infer<typeof exportQuery> | z.infer<typeof browseQuery>, now: Date): Filter {
  const { model, provider, outcome, final_status, error_class, since, until } = query;
  return {
    ...(model === undefined ? {} : { model }),
    ...(provider === undefined ? {} : { provider }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(final_status === undefined ? {} : { finalStatus: final_status }),
    ...(error_class === undefined ? {} : { errorClass: error_class }),
    ...(until === undefined ? {} : { until: new Date(until) }),
    since: sinceOf(since, now),
  };
}

/** The place behind which a list goes on, as callers hand it back. */
export function cursorOf({ at, requestId, attempt }: RowPlace): string {
  return Buffer.from(JSON.stringify([at.getTime(), requestId, attempt])).toString("base64url");
}

/** @throws ApiError 400 for what `cursorOf` has not made */
export function placeOf(cursor: string): RowPlace {
  const place = z.tuple([z.int(), z.string(), z.int()]).safeParse(parsed(Buffer.from(cursor, "base64url").toString("utf8")));
  if (!place.success) throw invalid("after", "is no place in a list");
  const [at_ms, requestId, attempt] = place.data;
  return { at: new Date(at_ms), requestId, attempt };
}

/** A beginning as callers write it. @throws ApiError 400 */
export function sinceOf(text: string | undefined, now: Date): Date {
  if (text === undefined) return new Date(now.getTime() - SINCE_default_ms);
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return new Date(now.getTime() - Number(amount) * UNITS[unit as keyof typeof UNITS]);
  const time = z.iso.datetime({ offset: true }).safeParse(text);
  if (!time.success) throw invalid("since", "is neither a duration such as 24h nor a time such as 2026-11-29T12:00:00Z");
  return new Date(time.data);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalid(param: string, what: string): ApiError {
  return new ApiError({ status: 400, code: "invalid_request_error", message: `${param} ${what}`, param });
}
