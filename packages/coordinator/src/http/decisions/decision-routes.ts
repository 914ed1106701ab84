import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Attempted } from "../../insight/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { BROWSE_LIMITS } from "../lists/browse-limits.js";
import { exportFile } from "../lists/export.js";
import { queryOf } from "../lists/query.js";
import type { Route } from "../route.js";
import { browseQuery, cursorOf, exportQuery, FILTER_PARAMETERS, filterOf, placeOf } from "./browse.js";
import {
  decisionList,
  decisionRow,
  operatorAttemptOf,
  operatorDecision,
  ownAttemptOf,
  ownDecision,
  requestOf,
  rowOf,
} from "./decision-schema.js";

/** Why requests went where they went: each for whoever made it, all of them for the operator. Sources: routing.md §17, §18; ops.md §3. */
export function decisionRoutes({ decisions, clock }: HttpDependencies): readonly Route[] {
  return [
    {
      method: "GET",
      url: "/v1/decisions/:id",
      access: "account",
      doc: {
        tag: "Account",
        summary: "Why one of the account's requests went where it went",
        description: "The id is the `X-Inference-Job-ID` or the `X-Request-ID` of the answer.",
        answer: ownDecision,
        errors: [404],
      },
      handle: async (request) => requestOf(latest(await decisions.ofRequest(idOf(request), principalOf(request).accountId)), ownAttemptOf),
    },
    {
      method: "GET",
      url: "/v1/admin/decisions/:id",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Why a request went where it went",
        description: "The id is the `X-Inference-Job-ID` or the `X-Request-ID` of the answer.",
        answer: operatorDecision,
        errors: [404],
      },
      handle: async (request) => requestOf(latest(await decisions.ofRequest(idOf(request))), operatorAttemptOf),
    },
    {
      method: "GET",
      url: "/v1/admin/decisions",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Where requests went, latest first",
        parameters: [
          ...FILTER_PARAMETERS,
          { name: "limit", in: "query", description: `Rows, at most ${BROWSE_LIMITS.rows_max}; ${BROWSE_LIMITS.rows_default} if absent.` },
          { name: "after", in: "query", description: "`next` of the list that this one goes on from." },
        ],
        answer: decisionList,
        errors: [400],
      },
      async handle(request) {
        const query = queryOf(request, browseQuery);
        const limit = query.limit ?? BROWSE_LIMITS.rows_default;
        const after = query.after === undefined ? {} : { after: placeOf(query.after) };
        const page = await decisions.browse({ ...filterOf(query, clock.date()), ...after, limit });
        const last = page.at(-1);
        return { object: "list", data: page.map(rowOf), next: last !== undefined && page.length === limit ? cursorOf(last) : null };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/decisions/export",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "The same, all of it, as a file",
        parameters: [...FILTER_PARAMETERS, { name: "format", in: "query", description: "csv, which is the default, or ndjson." }],
        answer: z.string(),
        errors: [400],
      },
      async handle(request, reply) {
        const { format, ...query } = queryOf(request, exportQuery);
        const filter = filterOf({ ...query, format }, clock.date());
        const page = (after: Attempted | undefined, limit: number) =>
          decisions.browse({ ...filter, ...(after === undefined ? {} : { after }), limit });
        return exportFile(reply, { name: "decisions", at: clock.date(), page, rowOf, columns: Object.keys(decisionRow.shape), format });
      },
    },
  ];
}

function idOf({ params }: FastifyRequest): string {
  return typeof params === "object" && params !== null && "id" in params ? String(params.id) : "";
}

/** The attempts of the latest request among those that a consumer gave the same id. @throws ApiError 404 */
function latest(attempts: readonly Attempted[]): readonly [Attempted, ...Attempted[]] {
  const requestId = attempts.at(-1)?.requestId;
  const [first, ...rest] = attempts.filter((attempt) => attempt.requestId === requestId);
  if (first !== undefined) return [first, ...rest];
  throw new ApiError({ status: 404, code: "not_found", message: "nothing is known of a request with this id, or no more" });
}
