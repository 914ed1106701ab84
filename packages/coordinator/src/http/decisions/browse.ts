import { z } from "zod";
import { DECISION_OUTCOMES, type DecisionArchive, ERROR_CLASSES, FINAL_STATUSES, type RowPlace } from "../../insight/index.js";
import { BROWSE_LIMITS, invalid, sinceOf } from "../lists/browse-limits.js";
import type { RouteParameter } from "../openapi/route-doc.js";

const name = z.string().min(1).max(BROWSE_LIMITS.text_max);
export const browseQuery = z.strictObject({
  model: name.optional(),
  provider: name.optional(),
  outcome: z.enum(DECISION_OUTCOMES).optional(),
  final_status: z.enum(FINAL_STATUSES).optional(),
  error_class: z.enum(ERROR_CLASSES).optional(),
  since: name.optional(),
  until: z.iso.datetime({ offset: true }).optional(),
});

export const FILTER_PARAMETERS: readonly RouteParameter[] = [
  { name: "model", in: "query", description: "Build, or name that consumers use." },
  { name: "provider", in: "query", description: "Pseudonym of the machine that was chosen." },
  { name: "outcome", in: "query", description: DECISION_OUTCOMES.join(", ") },
  { name: "final_status", in: "query", description: FINAL_STATUSES.join(", ") },
  { name: "error_class", in: "query", description: ERROR_CLASSES.join(", ") },
];

type Filter = Omit<Parameters<DecisionArchive["browse"]>[0], "after" | "limit">;

/** @throws ApiError 400 for a beginning that is neither a duration nor a time */
export function filterOf(query: z.infer<typeof browseQuery>, now: Date): Filter {
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

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
