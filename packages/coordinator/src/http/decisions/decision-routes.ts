import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import type { Attempted } from "../../insight/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { recordRoutes } from "../lists/record-routes.js";
import type { Route } from "../route.js";
import { browseQuery, cursorOf, FILTER_PARAMETERS, filterOf, placeOf } from "./browse.js";
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
    ...recordRoutes(
      {
        url: "/v1/admin/decisions",
        summary: "Where requests went, latest first",
        query: browseQuery,
        parameters: FILTER_PARAMETERS,
        answer: decisionList,
        columns: Object.keys(decisionRow.shape),
        browse: (query, now, { after, limit }) =>
          decisions.browse({ ...filterOf(query, now), ...(after === undefined ? {} : { after: placeOf(after) }), limit }),
        placeOf: cursorOf,
        rowOf,
      },
      clock,
    ),
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
