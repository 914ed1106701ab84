import { z } from "zod";
import { CHOICES_MAX } from "../canonical/chat-request.js";
import { extrasObject } from "../canonical/extras.js";
import { OPENAI_LIMITS } from "../openai/limits.js";
import { samplingFields, stopField } from "../openai/sampling.js";
import { inBandError, usageObject } from "../openai/wire.js";
import { pinFields } from "../routing-hints.js";

/** Most alternatives to a token; OpenAI's own figure. */
export const COMPLETION_LOGPROBS_MAX = 5;

/** The body of `POST /v1/completions` (api.md §13). Fields that are not named here are ignored, unless `parse.ts` refuses them by name. */
export const completionsBody = z.object({
  model: z.string().max(OPENAI_LIMITS.modelName_max),
  prompt: z.union([z.string(), z.array(z.string()).length(1)]).describe("Goes to the model as it is, without a chat template."),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(CHOICES_MAX).nullish(),
  best_of: z.int().min(1).nullish().describe("Only as many as `n`: every answer that is generated is returned."),
  echo: z.boolean().nullish().describe("The answer begins with the prompt."),
  logprobs: z.int().min(0).max(COMPLETION_LOGPROBS_MAX).nullish(),
  max_tokens: z.int().min(1).nullish().describe("Absent is the model's own bound."),
  ...samplingFields,
  stop: stopField,
  prompt_cache_key: z.string().nullish(),
  user: z.string().nullish().describe("Requests of one account with equal names may share a prefix cache; never sent to a provider."),
  ...pinFields,
});
export type CompletionsBody = z.infer<typeof completionsBody>;

const logprobs = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number()),
    top_logprobs: z.array(z.record(z.string(), z.number())).describe("The token itself and its alternatives."),
    text_offset: z.array(z.int()).describe("Where each token begins in the text, in characters."),
  })
  .nullable();
export type WireLogprobs = z.infer<typeof logprobs>;

const finishReason = z.enum(["stop", "length"]);
export type WireFinishReason = z.infer<typeof finishReason>;

const common = {
  id: z.string(),
  object: z.literal("text_completion"),
  created: z.int(),
  model: z.string().describe("As the caller wrote it."),
  extras: extrasObject.optional(),
};

/** The body of a whole answer. */
export const textCompletion = z.object({
  ...common,
  choices: z.array(z.object({ index: z.int(), text: z.string(), logprobs, finish_reason: finishReason })),
  usage: usageObject,
});
export type TextCompletion = z.infer<typeof textCompletion>;

/** The data of one server-sent event before the closing `[DONE]`. */
export const textCompletionChunk = z.union([
  z.object({
    ...common,
    choices: z.array(z.object({ index: z.int(), text: z.string(), logprobs, finish_reason: finishReason.nullable() })),
    usage: usageObject.optional().describe("On the last chunk; with `stream_options.include_usage` that chunk has no choices."),
  }),
  inBandError,
]);
