import { z } from "zod";
import { invalid } from "../lists/browse-limits.js";
import type { RouteParameter } from "../openapi/route-doc.js";

export const LIST_LIMITS = { rows_default: 100, rows_max: 1_000, entries_max: 200, text_max: 256 } as const;

const text = z.string().min(1).max(LIST_LIMITS.text_max);

/** What every list of the books can be narrowed to. */
export const period = { from: text.optional(), to: text.optional() };
export const paging = {
  cursor: text.optional(),
  limit: z.coerce.number().int().min(1).max(LIST_LIMITS.rows_max).default(LIST_LIMITS.rows_default),
};
export const usageFilter = { key_id: text.optional(), model: text.optional() };

export const PERIOD_PARAMETERS: readonly RouteParameter[] = [
  { name: "from", in: "query", description: "A day such as 2026-05-01 (UTC), or a time; that and later." },
  { name: "to", in: "query", description: "The same; earlier than that." },
];
export const PAGING_PARAMETERS: readonly RouteParameter[] = [
  { name: "limit", in: "query", description: `Rows, at most ${LIST_LIMITS.rows_max}; ${LIST_LIMITS.rows_default} if absent.` },
  { name: "cursor", in: "query", description: "`next_cursor` of the list that this one goes on from." },
];

/** @throws ApiError 400 */
export function periodOf({ from, to }: { readonly from?: string | undefined; readonly to?: string | undefined }) {
  return { from: timeOf("from", from), to: timeOf("to", to) };
}

function timeOf(name: string, given: string | undefined): Date | undefined {
  if (given === undefined) return undefined;
  const isDay = z.iso.date().safeParse(given).success;
  if (isDay || z.iso.datetime({ offset: true }).safeParse(given).success) return new Date(isDay ? `${given}T00:00:00Z` : given);
  throw invalid(name, "is neither a day such as 2026-05-01 nor a time such as 2026-05-01T12:00:00Z");
}

/** Where a list goes on, as callers hand it back. */
export interface Place {
  readonly at: Date;
  readonly id: string;
}

export function cursorOf({ at, id }: Place): string {
  return Buffer.from(`${at.getTime()} ${id}`).toString("base64url");
}

/** @throws ApiError 400 */
export function placeOf(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  const [, at_ms, id] = /^(\d{1,15}) (.+)$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (at_ms === undefined || id === undefined) throw invalid("cursor", "is none of ours");
  return { at: new Date(Number(at_ms)), id };
}

/** Whether the caller wants a table rather than JSON. */
export function wantsCsv(accept: string | undefined): boolean {
  return accept?.split(",").some((type) => type.trim().split(";")[0] === "text/csv") === true;
}
