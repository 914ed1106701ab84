import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import type { RouteParameter } from "../openapi/route-doc.js";

export const BROWSE_LIMITS = { rows_default: 1_000, rows_max: 50_000, text_max: 256 } as const;
/** How far back a list goes that names no beginning. */
const SINCE_default_ms = 24 * 3_600_000;
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const;

/** What every list of records can be narrowed to. */
export const LIST_PARAMETERS: readonly RouteParameter[] = [
  { name: "since", in: "query", description: "A duration such as 30m, 24h or 7d, or a time; 24h unless it says otherwise." },
  { name: "until", in: "query", description: "A time." },
];

/** A beginning as callers write it. @throws ApiError 400 */
export function sinceOf(text: string | undefined, now: Date): Date {
  if (text === undefined) return new Date(now.getTime() - SINCE_default_ms);
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return new Date(now.getTime() - Number(amount) * UNITS[unit as keyof typeof UNITS]);
  const time = z.iso.datetime({ offset: true }).safeParse(text);
  if (!time.success) throw invalid("since", "is neither a duration such as 24h nor a time such as 2026-11-29T12:00:00Z");
  return new Date(time.data);
}

export function invalid(param: string, what: string): ApiError {
  return new ApiError({ status: 400, code: "invalid_request_error", message: `${param} ${what}`, param });
}
