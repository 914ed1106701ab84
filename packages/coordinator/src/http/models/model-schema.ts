import { z } from "zod";

const count = z.int().nonnegative();
const usdPerToken = z.string().describe("USD per token, as a decimal.");

/** One entry of `GET /v1/models`. Source: api.md §20. */
export const modelObject = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.literal("umbel"),
  name: z.string(),
  description: z.string().optional(),
  input_modalities: z.array(z.string()),
  output_modalities: z.array(z.string()),
  quantization: z.string().optional().describe("Absent of an alias, behind which several builds may be."),
  context_length: count,
  max_output_length: count,
  deprecated_at: z.iso.datetime().optional().describe("Since when it is to be retired; absent while it is not."),
  deprecation_date: z.iso.date().optional().describe("The day on which it is to be retired, if that is known."),
  pricing: z.object({
    prompt: usdPerToken,
    completion: usdPerToken,
    image: usdPerToken,
    request: usdPerToken,
    input_cache_read: usdPerToken,
  }),
  supported_sampling_parameters: z.array(z.string()),
  supported_features: z.array(z.string()),
  metadata: z.object({
    model_type: z.enum(["text", "embedding"]),
    quantization: z.string().optional().describe("As the files call it."),
    display_name: z.string(),
    provider_count: count,
    attested_providers: count,
    routable_providers: count.describe("Machines that would take an ordinary request now."),
    warm_providers: count.describe("Machines that have it in memory."),
    active_requests: count,
    can_accept: z.boolean(),
  }),
});
export type ModelObject = z.infer<typeof modelObject>;

export const modelList = z.object({ object: z.literal("list"), data: z.array(modelObject) });

/** One entry of the aggregator's listing, in the form that OpenRouter asks of providers. */
export const aggregatedModel = modelObject.omit({ object: true, owned_by: true, metadata: true, quantization: true }).extend({
  quantization: z.string().nullable(),
  hugging_face_id: z.string().describe("Empty where the catalogue does not say."),
  is_ready: z.boolean(),
  openrouter: z.object({ slug: z.string() }),
  datacenters: z.array(z.object({ country_code: z.string() })),
});
export const aggregatedList = z.object({ data: z.array(aggregatedModel) });

export const modelCapacity = z.object({
  id: z.string(),
  ready: z.boolean().describe("Some machine would take an ordinary request now."),
  can_accept: z.boolean().describe("A request would be taken now, or may wait."),
  routable_providers: count,
  warm_providers: count,
  running_providers: count,
  cold_providers: count.describe("Machines that have it on disk, not in memory."),
  active_requests: count,
  queued_requests: count,
  queue_limit: count,
  aggregate_tps: z.number(),
  estimated_ttft_ms: z.number().nullable().describe("Of a prompt of 500 tokens."),
  token_budget_remaining: count,
  token_budget_total: count,
});
export const capacityList = z.object({ models: z.array(modelCapacity), draining: z.literal(true).optional() });

/** Anthropic's form of a model and of a page of them, for callers that send `anthropic-version`. */
export const anthropicModel = z.object({
  type: z.literal("model"),
  id: z.string(),
  display_name: z.string(),
  created_at: z.iso.datetime(),
});
export const anthropicPage = z.object({
  data: z.array(anthropicModel),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});
