import { z } from "zod";
import { extrasObject } from "../canonical/extras.js";
import { inBandError, usageObject } from "../openai/wire.js";

const bytes = z.array(z.int().min(0).max(255));
const candidate = z.object({ token: z.string(), logprob: z.number(), bytes });
const logprobs = z
  .object({ content: z.array(candidate.extend({ top_logprobs: z.array(candidate) })), refusal: z.null() })
  .nullable()
  .describe("One entry per generated token, where `logprobs` was asked for.");
export type WireLogprobs = z.infer<typeof logprobs>;

const functionCall = z.object({ name: z.string(), arguments: z.string().describe("JSON text as the model wrote it.") });
const finishReason = z.enum(["stop", "length", "tool_calls", "function_call"]);
export type WireFinishReason = z.infer<typeof finishReason>;

const reasoning = z.string().optional().describe("What the model thought, apart from its answer; in both of the spellings in use.");
const common = { id: z.string(), created: z.int(), model: z.string().describe("As the caller wrote it.") };

/** The body of a whole answer. */
export const completionBody = z.object({
  ...common,
  object: z.literal("chat.completion"),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({
        role: z.literal("assistant"),
        content: z.string().nullable(),
        refusal: z.null(),
        reasoning,
        reasoning_content: reasoning,
        tool_calls: z.array(z.object({ id: z.string(), type: z.literal("function"), function: functionCall })).optional(),
        function_call: functionCall.optional(),
      }),
      logprobs,
      finish_reason: finishReason,
    }),
  ),
  usage: usageObject,
  extras: extrasObject.optional(),
});
export type CompletionBody = z.infer<typeof completionBody>;
export type WireAnswer = CompletionBody["choices"][number];

const callFragment = z.object({ name: z.string().optional(), arguments: z.string() });

/** The data of one server-sent event before the closing `[DONE]`. */
export const chunkBody = z.union([
  z.object({
    ...common,
    object: z.literal("chat.completion.chunk"),
    choices: z.array(
      z.object({
        index: z.int(),
        delta: z.object({
          role: z.literal("assistant").optional(),
          content: z.string().optional(),
          reasoning,
          reasoning_content: reasoning,
          tool_calls: z
            .array(z.object({ index: z.int(), id: z.string().optional(), type: z.literal("function").optional(), function: callFragment }))
            .optional(),
          function_call: callFragment.optional(),
        }),
        logprobs,
        finish_reason: finishReason.nullable(),
      }),
    ),
    usage: usageObject.optional().describe("On the last chunk; with `stream_options.include_usage` that chunk has no choices."),
    extras: extrasObject.optional(),
  }),
  inBandError,
]);
