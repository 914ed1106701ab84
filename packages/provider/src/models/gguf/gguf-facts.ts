import { createHash } from "node:crypto";
import { type ActiveWeights, activeWeights } from "./active-weights.js";
import { ArchitectureKeys } from "./architecture-keys.js";
import { type KvCache, kvCacheOf } from "./kv-cache.js";
import { quantizationOf } from "./quantization.js";
import type { GgufHeader } from "./read-gguf.js";

/** What a GGUF file is for: to answer, to let a model see, or to change another model. */
export type GgufKind = "model" | "projector" | "adapter";
export type GgufCapability = "chat" | "tools" | "reasoning" | "embedding" | "rerank";

/** What a model's files say of it, read without loading it. */
export interface GgufFacts {
  readonly kind: GgufKind;
  readonly architecture: string | undefined;
  readonly name: string | undefined;
  readonly license: string | undefined;
  readonly parameters: number;
  /** What of them a token goes through. */
  readonly active: ActiveWeights;
  readonly quantization: string | undefined;
  /** On which it was trained. */
  readonly contextLength_tokens: number | undefined;
  readonly layers: number | undefined;
  readonly vocabulary_tokens: number | undefined;
  /** Undefined where the file does not say enough to know. */
  readonly kvCache: KvCache | undefined;
  /** Experts that a token goes through, of how many. */
  readonly experts: { readonly used: number; readonly all: number } | undefined;
  readonly chatTemplate_sha256: string | undefined;
  readonly capabilities: readonly GgufCapability[];
}

const context_tokens_max = 16_777_216;
const text_chars_max = 256;
/** `LLAMA_POOLING_TYPE_RANK` in llama.h. */
const rankPooling = 4;

/** @param headers of every part of the model, in order; the first holds the metadata */
export function describeGguf([first, ...rest]: readonly [GgufHeader, ...GgufHeader[]]): GgufFacts {
  const { metadata } = first;
  const tensors = [first, ...rest].flatMap((header) => header.tensors);
  const keys = new ArchitectureKeys(metadata);
  const template = metadata.get("tokenizer.chat_template");
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const experts = expertsOf(keys);
  return {
    kind: kindOf(metadata, keys.architecture),
    architecture: keys.architecture,
    name: shortText(metadata.get("general.name")),
    license: shortText(metadata.get("general.license")),
    parameters: tensors.reduce((sum, { elements }) => sum + elements, 0),
    active: activeWeights(tensors, experts),
    quantization: quantizationOf({ metadata, tensors }),
    contextLength_tokens: keys.count("context_length", context_tokens_max),
    layers: keys.count("block_count", context_tokens_max),
    vocabulary_tokens: typeof tokens === "object" ? tokens.length : undefined,
    kvCache: kvCacheOf(keys),
    experts,
    chatTemplate_sha256: typeof template === "string" ? createHash("sha256").update(template).digest("hex") : undefined,
    capabilities: capabilitiesOf(keys, typeof template === "string" ? template : undefined),
  };
}

function kindOf(metadata: GgufHeader["metadata"], architecture: string | undefined): GgufKind {
  const type = metadata.get("general.type");
  if (type === "mmproj" || architecture === "clip") return "projector";
  return type === "adapter" ? "adapter" : "model";
}

function expertsOf(keys: ArchitectureKeys): GgufFacts["experts"] {
  const all = keys.count("expert_count", 65_536) ?? 0;
  const used = keys.count("expert_used_count", all) ?? 0;
  return all > 0 && used > 0 ? { used, all } : undefined;
}

/** A template shows what it was written for; that the model is good at it only a try can show. */
function capabilitiesOf(keys: ArchitectureKeys, template: string | undefined): GgufCapability[] {
  const pooling = keys.count("pooling_type", 16);
  if (pooling === rankPooling) return ["rerank"];
  if (pooling !== undefined && pooling > 0) return ["embedding"];
  if (template === undefined) return [];
  const shown: GgufCapability[] = ["chat"];
  if (/\btools\b/.test(template)) shown.push("tools");
  if (/<think>|enable_thinking|reasoning_content|reasoning_effort/.test(template)) shown.push("reasoning");
  return shown;
}

/** Free text of the file, for people: no control characters, no more than a line. */
function shortText(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const clean = value
    .replaceAll(/[\p{Cc}\p{Cs}]+/gu, " ")
    .trim()
    .slice(0, text_chars_max);
  return clean === "" ? undefined : clean;
}
