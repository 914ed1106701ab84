import { z } from "zod";
import type { StoredRejection } from "../../insight/index.js";
import { jsonAmount } from "../money-format.js";

const text = z.string().nullable();
const count = z.int().nullable();
const figure = z.number().nullable();
const flag = z.boolean().nullable();

/** One refused request: names, numbers and closed words, nothing of what was asked. What was not known is null. */
export const rejectionRow = z.object({
  id: z.int(),
  at: z.iso.datetime(),
  endpoint: z.string(),
  stage: z.string().describe("How far the request had come."),
  reason: z.string().describe("The error's code."),
  http_status: z.int(),
  key_id: text,
  account_sha256: text,
  client_class: z.string(),
  requested_model: text,
  resolved_model: text,
  stream: flag,
  n: count,
  estimated_prompt_tokens: count,
  max_output_tokens: count,
  requires_vision: flag,
  has_tools: flag,
  own_machines: text,
  temperature: figure,
  top_p: figure,
  presence_penalty: figure,
  frequency_penalty: figure,
  body_bytes: count,
  retry_after_ms: count,
  could_have_served: flag.describe("Whether some machine would have taken the request."),
  candidates: count,
  capacity_rejections: count,
  too_large_rejections: count,
  vision_rejections: count,
  best_ttft_ms: figure,
  limit_kind: text.describe("Of what there was too little: balance, key_limit, or whose limit of requests or tokens."),
  over_by: count.describe("By how much more than was left of that limit, in requests or tokens."),
  shortfall_micro_usd: count.describe("The same in money."),
});

export const rejectionList = z.object({
  object: z.literal("list"),
  data: z.array(rejectionRow),
  next: text.describe("Give it as `after` for the rows that follow; null when there are none."),
});

export function rowOf(kept: StoredRejection): z.infer<typeof rejectionRow> {
  return {
    id: kept.id,
    at: kept.at.toISOString(),
    endpoint: kept.endpoint,
    stage: kept.stage,
    reason: kept.reason,
    http_status: kept.httpStatus,
    key_id: kept.keyId,
    account_sha256: kept.accountHash,
    client_class: kept.clientClass,
    requested_model: kept.requestedModel,
    resolved_model: kept.resolvedModel,
    stream: kept.stream,
    n: kept.choices,
    estimated_prompt_tokens: kept.promptTokens,
    max_output_tokens: kept.maxOutputTokens,
    requires_vision: kept.requiresVision,
    has_tools: kept.hasTools,
    own_machines: kept.ownMachines,
    temperature: kept.temperature,
    top_p: kept.topP,
    presence_penalty: kept.presencePenalty,
    frequency_penalty: kept.frequencyPenalty,
    body_bytes: kept.body_bytes,
    retry_after_ms: kept.retryAfter_ms,
    could_have_served: kept.couldHaveServed,
    candidates: kept.candidates,
    capacity_rejections: kept.capacityRejections,
    too_large_rejections: kept.tooLargeRejections,
    vision_rejections: kept.visionRejections,
    best_ttft_ms: kept.bestTtft_ms,
    limit_kind: kept.limitKind,
    over_by: kept.overBy,
    shortfall_micro_usd: kept.shortfall_microUsd === null ? null : jsonAmount(kept.shortfall_microUsd),
  };
}
