import { ApiError } from "@umbel/dialects";
import type { z } from "zod";
import type { anthropicModel, anthropicPage, ModelObject } from "./model-schema.js";

/** Entries of one page; Anthropic's own figures. */
export const ANTHROPIC_PAGE_LIMITS = { default: 20, max: 1_000 } as const;

export function anthropicForm({ id, name, created }: ModelObject): z.infer<typeof anthropicModel> {
  return { type: "model", id, display_name: name, created_at: new Date(created * 1_000).toISOString() };
}

/**
 * A page of a list, by the ids around it.
 *
 * @param query `limit`, `after_id` or `before_id`
 * @throws ApiError 400 for a limit out of bounds. An id that is not listed (any more) begins the list.
 */
export function anthropicPageOf(models: readonly ModelObject[], query: URLSearchParams): z.infer<typeof anthropicPage> {
  const limit = limitOf(query.get("limit"));
  const before = models.findIndex(({ id }) => id === query.get("before_id"));
  const after = models.findIndex(({ id }) => id === query.get("after_id"));
  const begin = before >= 0 ? Math.max(0, before - limit) : after + 1;
  const page = models.slice(begin, before >= 0 ? before : begin + limit);
  return {
    data: page.map(anthropicForm),
    has_more: before >= 0 ? begin > 0 : begin + limit < models.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

function limitOf(text: string | null): number {
  const limit = text === null ? ANTHROPIC_PAGE_LIMITS.default : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= ANTHROPIC_PAGE_LIMITS.max) return limit;
  const message = `limit: expected a whole number from 1 to ${ANTHROPIC_PAGE_LIMITS.max}`;
  throw new ApiError({ status: 400, code: "invalid_request_error", message, param: "limit" });
}
