import { z } from "zod";
import { extrasObject } from "../canonical/extras.js";
import { OPENAI_LIMITS } from "../openai/limits.js";
import { pinFields } from "../routing-hints.js";

export const EMBEDDING_LIMITS = {
  /** Texts in one request; OpenAI's own figure. */
  inputs_max: 2_048,
  dimensions_max: 65_536,
} as const;

const text = z.string().min(1);

/** The body of `POST /v1/embeddings` (api.md §14.6). */
export const embeddingsBody = z.object({
  model: z.string().max(OPENAI_LIMITS.modelName_max),
  input: z.union([text, z.array(text).min(1).max(EMBEDDING_LIMITS.inputs_max)]),
  encoding_format: z.enum(["float", "base64"]).nullish().describe("`base64` is little-endian 32-bit floats."),
  dimensions: z.int().min(1).max(EMBEDDING_LIMITS.dimensions_max).nullish().describe("Only for models that can be shortened."),
  user: z.string().nullish(),
  ...pinFields,
});

const tokens = z.int().nonnegative();

/** The answer: one vector for each input, in the order of the inputs. */
export const embeddingList = z.object({
  object: z.literal("list"),
  data: z.array(z.object({ object: z.literal("embedding"), index: z.int(), embedding: z.union([z.array(z.number()), z.string()]) })),
  model: z.string().describe("As the caller wrote it."),
  usage: z.object({ prompt_tokens: tokens, total_tokens: tokens }),
  extras: extrasObject.optional(),
});
export type EmbeddingList = z.infer<typeof embeddingList>;
