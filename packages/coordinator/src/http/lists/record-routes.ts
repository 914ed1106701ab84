import type { Clock } from "@umbel/protocol";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { RouteParameter } from "../openapi/route-doc.js";
import type { Route } from "../route.js";
import { BROWSE_LIMITS, LIST_PARAMETERS } from "./browse-limits.js";
import { exportFile } from "./export.js";
import { queryOf } from "./query.js";

/** Records that the operator may read, latest first. */
export interface RecordList<Query, Item, Row> {
  /** Of the list; the file is at `/export` below it, and called by the last part. */
  readonly url: string;
  readonly summary: string;
  /** What it can be narrowed to; anything else is refused by name. */
  readonly query: z.ZodType<Query>;
  /** The same in words, without what every list can be narrowed to. */
  readonly parameters: readonly RouteParameter[];
  readonly answer: z.ZodType;
  readonly columns: readonly string[];
  /** So many at most, those behind a place; the first ones, if there is none. @throws ApiError 400 for what is no place */
  browse(query: Query, now: Date, page: { readonly after: string | undefined; readonly limit: number }): Promise<readonly Item[]>;
  /** Where the list goes on behind an item, as callers hand it back. */
  placeOf(item: Item): string;
  rowOf(item: Item): Row;
}

const paging = z.object({
  after: z.string().min(1).max(BROWSE_LIMITS.text_max).optional(),
  limit: z.coerce.number().int().min(1).max(BROWSE_LIMITS.rows_max).optional(),
});
const form = z.object({ format: z.enum(["csv", "ndjson"]).default("csv") });

/** Two routes: the list page by page, and all of it as a file. */
export function recordRoutes<Query, Item, Row extends Readonly<Record<string, unknown>>>(
  list: RecordList<Query, Item, Row>,
  clock: Clock,
): readonly Route[] {
  const filters = [...list.parameters, ...LIST_PARAMETERS];
  return [
    {
      method: "GET",
      url: list.url,
      access: "admin",
      doc: {
        tag: "Operator",
        summary: list.summary,
        parameters: [
          ...filters,
          { name: "limit", in: "query", description: `Rows, at most ${BROWSE_LIMITS.rows_max}; ${BROWSE_LIMITS.rows_default} if absent.` },
          { name: "after", in: "query", description: "`next` of the list that this one goes on from." },
        ],
        answer: list.answer,
        errors: [400],
      },
      async handle(request) {
        const [{ after, limit = BROWSE_LIMITS.rows_default }, query] = parted(request, paging, list.query);
        const page = await list.browse(query, clock.date(), { after, limit });
        const last = page.at(-1);
        const next = last !== undefined && page.length === limit ? list.placeOf(last) : null;
        return { object: "list", data: page.map(list.rowOf), next };
      },
    },
    {
      method: "GET",
      url: `${list.url}/export`,
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "The same, all of it, as a file",
        parameters: [...filters, { name: "format", in: "query", description: "csv, which is the default, or ndjson." }],
        answer: z.string(),
        errors: [400],
      },
      async handle(request, reply) {
        const [{ format }, query] = parted(request, form, list.query);
        const now = clock.date();
        const page = (after: Item | undefined, limit: number) =>
          list.browse(query, now, { after: after === undefined ? undefined : list.placeOf(after), limit });
        const name = list.url.slice(list.url.lastIndexOf("/") + 1);
        return exportFile(reply, { name, at: now, page, rowOf: list.rowOf, columns: list.columns, format });
      },
    },
  ];
}

/** What a route reads itself, and the rest, which is the list's. @throws ApiError 400 */
function parted<Own extends z.ZodObject, Query>(
  { query }: FastifyRequest,
  own: Own,
  rest: z.ZodType<Query>,
): readonly [z.output<Own>, Query] {
  const given = Object.entries(typeof query === "object" && query !== null ? query : {});
  const isOwn = ([name]: readonly [string, unknown]): boolean => name in own.shape;
  return [
    queryOf({ query: Object.fromEntries(given.filter(isOwn)) }, own),
    queryOf({ query: Object.fromEntries(given.filter((entry) => !isOwn(entry))) }, rest),
  ];
}
