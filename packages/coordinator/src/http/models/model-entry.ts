import { type BuildRecord, modelType } from "../../catalog/index.js";
import type { BuildCapacity } from "../../fleet/index.js";
import type { Prices } from "../../ledger/index.js";
import { usdPerToken } from "../money-format.js";
import type { ModelObject } from "./model-schema.js";

/** What a listing shows of one name: an alias or a build. */
export interface ListedModel {
  readonly id: string;
  readonly displayName: string;
  /** Where the descriptive data comes from. */
  readonly build: BuildRecord;
  readonly kind: "alias" | "build";
  readonly prices: Prices;
  /** Of every build behind the name. */
  readonly capacities: readonly BuildCapacity[];
}

/** Capability names that a catalogue may hold, by the feature they are listed as. Source: catalog.md §13. */
const FEATURES: Readonly<Record<string, readonly string[]>> = {
  json_mode: ["json", "json_mode", "json_object"],
  logprobs: ["logprobs"],
  reasoning: ["reasoning", "thinking", "reasoning_parser"],
  structured_outputs: ["structured_output", "structured_outputs", "json_schema"],
  tools: ["tools", "tool_use", "tool_calls", "tool_calling", "function_calling", "functions"],
  web_search: ["web_search", "search"],
};

const INPUT_MODALITIES: Readonly<Record<string, readonly string[]>> = {
  image: ["vision", "image", "image_input", "multimodal"],
  audio: ["audio"],
  video: ["video"],
  file: ["file", "pdf"],
};

/** GGUF labels by the coarse name of their width; the first match counts. */
const QUANTIZATIONS: readonly (readonly [RegExp, string])[] = [
  [/^(?:I?Q[234](?:_|$)|int4|4-?bit)/i, "int4"],
  [/^MXFP4/i, "fp4"],
  [/^(?:Q5_|Q6_K|6-?bit)/i, "fp6"],
  [/^(?:Q8_0|int8|8-?bit)/i, "int8"],
  [/^(?:F16|float16|fp16)$/i, "fp16"],
  [/^(?:BF16|bfloat16)$/i, "bf16"],
  [/^(?:F32|float32|fp32)$/i, "fp32"],
];

/** What the llama.cpp engine honours of every model that makes answers. */
const SAMPLING_PARAMETERS = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "stop",
  "seed",
  "max_tokens",
  "logit_bias",
];
/** And of those that have a feature. */
const FEATURE_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  json_mode: ["response_format"],
  logprobs: ["logprobs", "top_logprobs"],
  reasoning: ["reasoning"],
  structured_outputs: ["response_format", "structured_outputs"],
  tools: ["tools", "tool_choice"],
};

/** One entry of `GET /v1/models`. Source: api.md §20. */
export function modelEntry(model: ListedModel): ModelObject {
  const { build, capacities, prices } = model;
  const type = modelType(build);
  const features = namesIn(FEATURES, build.capabilities);
  const quantization = model.kind === "build" ? QUANTIZATIONS.find(([label]) => label.test(build.quantization))?.[1] : undefined;
  const total = (count: (capacity: BuildCapacity) => number): number => capacities.reduce((sum, capacity) => sum + count(capacity), 0);
  return {
    id: model.id,
    object: "model",
    created: Math.floor(build.createdAt.getTime() / 1_000),
    owned_by: "umbel",
    name: model.displayName,
    ...(build.description === "" ? {} : { description: build.description }),
    input_modalities: ["text", ...namesIn(INPUT_MODALITIES, build.capabilities)],
    output_modalities: [type === "embedding" ? "embedding" : "text"],
    ...(quantization === undefined ? {} : { quantization }),
    context_length: build.contextLength_tokens,
    max_output_length: build.maxOutput_tokens,
    ...(build.deprecatedAt === null ? {} : { deprecated_at: build.deprecatedAt.toISOString() }),
    ...(build.deprecationDate === null ? {} : { deprecation_date: build.deprecationDate }),
    pricing: {
      prompt: usdPerToken(prices.input_microUsd),
      completion: usdPerToken(prices.output_microUsd),
      image: "0",
      request: "0",
      // What is read again costs like what is read for the first time.
      input_cache_read: usdPerToken(prices.input_microUsd),
    },
    supported_sampling_parameters: type === "embedding" ? [] : [...new Set([...SAMPLING_PARAMETERS, ...features.flatMap(parametersOf)])],
    supported_features: features,
    metadata: {
      model_type: type === "embedding" ? "embedding" : "text",
      ...(quantization === undefined ? {} : { quantization: build.quantization }),
      display_name: model.displayName,
      provider_count: total((capacity) => capacity.providers),
      attested_providers: total((capacity) => capacity.attested),
      routable_providers: total((capacity) => capacity.routableProviders),
      warm_providers: total((capacity) => capacity.warmProviders),
      active_requests: total((capacity) => capacity.running + capacity.waiting),
      can_accept: capacities.some((capacity) => capacity.canAccept),
    },
  };
}

function parametersOf(feature: string): readonly string[] {
  return FEATURE_PARAMETERS[feature] ?? [];
}

function namesIn(table: Readonly<Record<string, readonly string[]>>, capabilities: readonly string[]): string[] {
  const held = new Set(capabilities.map((capability) => capability.toLowerCase()));
  return Object.keys(table)
    .filter((name) => table[name]?.some((synonym) => held.has(synonym)))
    .sort();
}
