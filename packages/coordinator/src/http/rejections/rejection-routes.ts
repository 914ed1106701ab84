import { z } from "zod";
import { REFUSAL_STAGES, type RejectionFilter, type StoredRejection } from "../../insight/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { BROWSE_LIMITS, LIST_PARAMETERS, sinceOf } from "../lists/browse-limits.js";
import { exportFile } from "../lists/export.js";
import { queryOf } from "../lists/query.js";
import type { RouteParameter } from "../openapi/route-doc.js";
import type { Route } from "../route.js";
import { rejectionList, rejectionRow, rowOf } from "./rejection-schema.js";

const name = z.string().min(1).max(BROWSE_LIMITS.text_max);
const filters = {
  reason: name.optional(),
  stage: z.enum(REFUSAL_STAGES).optional(),
  model: name.optional(),
  could_have_served: z.enum(["true", "false"]).optional(),
  since: name.optional(),
  until: z.iso.datetime({ offset: true }).optional(),
};
const browseQuery = z.strictObject({
  ...filters,
  after: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(BROWSE_LIMITS.rows_max).optional(),
});
const exportQuery = z.strictObject({ ...filters, format: z.enum(["csv", "ndjson"]).default("csv") });

const FILTER_PARAMETERS: readonly RouteParameter[] = [
  { name: "reason", in: "query", description: "The error's code." },
  { name: "stage", in: "query", description: REFUSAL_STAGES.join(", ") },
  { name: "model", in: "query", description: "As it was asked for, or the build that it stood for." },
  { name: "could_have_served", in: "query", description: "true or false: whether some machine would have taken the request." },
  ...LIST_PARAMETERS,
];

/** Which requests were refused, for the operator. Sources: routing.md §18, api.md §25. */
export function rejectionRoutes({ rejections, clock }: HttpDependencies): readonly Route[] {
  return [
    {
      method: "GET",
      url: "/v1/admin/rejections",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Requests that were refused, latest first",
        parameters: [
          ...FILTER_PARAMETERS,
          { name: "limit", in: "query", description: `Rows, at most ${BROWSE_LIMITS.rows_max}; ${BROWSE_LIMITS.rows_default} if absent.` },
          { name: "after", in: "query", description: "`next` of the list that this one goes on from." },
        ],
        answer: rejectionList,
        errors: [400],
      },
      async handle(request) {
        const { limit = BROWSE_LIMITS.rows_default, after, ...query } = queryOf(request, browseQuery);
        const before = after === undefined ? {} : { before: after };
        const page = await rejections.browse({ ...filterOf(query, clock.date()), ...before, limit });
        const last = page.at(-1);
        return { object: "list", data: page.map(rowOf), next: last !== undefined && page.length === limit ? String(last.id) : null };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/rejections/export",
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
        const filter = filterOf(query, clock.date());
        const page = (after: StoredRejection | undefined, limit: number) =>
          rejections.browse({ ...filter, ...(after === undefined ? {} : { before: after.id }), limit });
        return exportFile(reply, { name: "rejections", at: clock.date(), page, rowOf, columns: Object.keys(rejectionRow.shape), format });
      },
    },
  ];
}

function filterOf(query: Omit<z.infer<typeof exportQuery>, "format">, now: Date): Omit<RejectionFilter, "before" | "limit"> {
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
