import { z } from "zod";
import type { HttpDependencies } from "../../dependencies.js";
import { queryOf } from "../../lists/query.js";
import type { Route } from "../../route.js";
import { auditTable } from "./schema.js";

export const AUDIT_LIMITS = { rows_default: 100, rows_max: 1_000 } as const;

const auditQuery = z.strictObject({
  target: z.string().min(1).max(256).optional(),
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(AUDIT_LIMITS.rows_max).default(AUDIT_LIMITS.rows_default),
});

/** What operators changed. Source: ops.md §10. */
export function auditRoute({ catalog }: HttpDependencies): Route {
  return {
    method: "GET",
    url: "/v1/admin/audit",
    access: "admin",
    doc: {
      tag: "Operator",
      summary: "What operators changed, latest first",
      parameters: [
        { name: "target", in: "query", description: "Only changes to this build, name or release." },
        { name: "limit", in: "query", description: `Rows, at most ${AUDIT_LIMITS.rows_max}; ${AUDIT_LIMITS.rows_default} if absent.` },
        { name: "before", in: "query", description: "`next` of the list that this one goes on from." },
      ],
      answer: auditTable,
      errors: [400],
    },
    async handle(request) {
      const { target, before, limit } = queryOf(request, auditQuery);
      const rows = await catalog.audit({
        limit,
        ...(target === undefined ? {} : { target }),
        ...(before === undefined ? {} : { before }),
      });
      const last = rows.at(-1);
      return {
        object: "list",
        data: rows.map(({ at, ipHash, ...row }) => ({ ...row, at: at.toISOString(), ip_hash: ipHash })),
        next: last !== undefined && rows.length === limit ? last.id : null,
      };
    },
  };
}
