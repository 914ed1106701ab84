import { z } from "zod";
import type { RouteParameter } from "../openapi/route-doc.js";

/** Rows of one answer: where a list has more, `next` says how to go on. */
export const PAGE_rows_max = 1_000;

/** Of a list in the order of its ids. */
export const pageById = {
  limit: z.coerce.number().int().min(1).max(PAGE_rows_max).default(PAGE_rows_max),
  after: z.string().min(1).max(256).optional(),
};

export const PAGE_BY_ID_PARAMETERS: readonly RouteParameter[] = [
  { name: "limit", in: "query", description: `Rows, at most ${PAGE_rows_max}, which is also how many come where it is absent.` },
  { name: "after", in: "query", description: "`next` of the list that this one goes on from." },
];

export const nextId = z.string().nullable().describe("For `after` of the next page; null where there is none.");

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

/** One page of rows, in the order of their ids, whatever order they come in. A row that is gone meanwhile is no end: the next greater one follows. */
export function pageOf<Row>(
  all: readonly Row[],
  idOf: (row: Row) => string,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): Page<Row> {
  const sorted = [...all].sort((a, b) => (idOf(a) < idOf(b) ? -1 : Number(idOf(a) > idOf(b))));
  const left = after === undefined ? sorted : sorted.filter((row) => idOf(row) > after);
  const rows = left.slice(0, limit);
  const last = rows.at(-1);
  return { rows, next: last !== undefined && left.length > limit ? idOf(last) : null };
}
