import { z } from "zod";
import { REFUSAL_STAGES, type RejectionFilter } from "../../insight/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { BROWSE_LIMITS, invalid, sinceOf } from "../lists/browse-limits.js";
import { recordRoutes } from "../lists/record-routes.js";
import type { RouteParameter } from "../openapi/route-doc.js";
import type { Route } from "../route.js";
import { rejectionList, rejectionRow, rowOf } from "./rejection-schema.js";

const name = z.string().min(1).max(BROWSE_LIMITS.text_max);
const browseQuery = z.strictObject({
  reason: name.optional(),
  stage: z.enum(REFUSAL_STAGES).optional(),
  model: name.optional(),
  could_have_served: z.enum(["true", "false"]).optional(),
  since: name.optional(),
  until: z.iso.datetime({ offset: true }).optional(),
});

const FILTER_PARAMETERS: readonly RouteParameter[] = [
  { name: "reason", in: "query", description: "The error's code." },
  { name: "stage", in: "query", description: REFUSAL_STAGES.join(", ") },
  { name: "model", in: "query", description: "As it was asked for, or the build that it stood for." },
  { name: "could_have_served", in: "query", description: "true or false: whether some machine would have taken the request." },
];

/** Which requests were refused, for the operator. Sources: routing.md §18, api.md §25. */
export function rejectionRoutes({ rejections, clock }: HttpDependencies): readonly Route[] {
  return recordRoutes(
    {
      url: "/v1/admin/rejections",
      summary: "Requests that were refused, latest first",
      query: browseQuery,
      parameters: FILTER_PARAMETERS,
      answer: rejectionList,
      columns: Object.keys(rejectionRow.shape),
      browse: (query, now, { after, limit }) =>
        rejections.browse({ ...filterOf(query, now), ...(after === undefined ? {} : { before: idOf(after) }), limit }),
      placeOf: ({ id }) => String(id),
      rowOf,
    },
    clock,
  );
}

/** @throws ApiError 400 */
function idOf(place: string): number {
  const id = z.coerce.number().int().min(1).safeParse(place);
  if (!id.success) throw invalid("after", "is no place in a list");
  return id.data;
}

function filterOf(query: z.infer<typeof browseQuery>, now: Date): Omit<RejectionFilter, "before" | "limit"> {
  const { reason, stage, model, could_have_served, since, until } = query;
  return {
    since: sinceOf(since, now),
    ...(until === undefined ? {} : { until: new Date(until) }),
    ...(reason === undefined ? {} : { reason }),
    ...(stage === undefined ? {} : { stage }),
    ...(model === undefined ? {} : { model }),
    ...(could_have_served === undefined ? {} : { couldHaveServed: could_have_served === "true" }),
  };
}
