import { z } from "zod";

/** Which answer an event belongs to, when there are several; absent is the first. */
const choice = z.number().int().nonnegative().optional();
const tokenCount = z.number().int().nonnegative();

export const tokenLogprob = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.number().int().min(0).max(255)),
  top: z.array(z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.number().int().min(0).max(255)) })).default([]),
});
export type TokenLogprob = z.infer<typeof tokenLogprob>;

export const finishReason = z.enum(["stop", "length", "tool_calls", "cancelled"]);
export type FinishReason = z.infer<typeof finishReason>;

/** The stop string that ended an answer; absent when none did. */
const matchedStop = z.string().optional();

export const chatUsage = z.object({
  promptTokens: tokenCount,
  completionTokens: tokenCount,
  reasoningTokens: tokenCount,
  cachedPromptTokens: tokenCount,
});
export type ChatUsage = z.infer<typeof chatUsage>;

/**
 * The canonical stream of one answer, in order: `started`, then any number of `text`, `reasoning` and `tool_call`, then one `finish`.
 * `tokens` is how many generated tokens the event accounts for (0 when a token's text is split over events), so that whoever relays
 * a stream can count what was delivered without trusting the final usage. This is also the plaintext of a sealed chunk: a JSON array of events.
 */
export const chatEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("started"), promptTokens: tokenCount, cachedPromptTokens: tokenCount }),
  z.object({ type: z.literal("text"), text: z.string(), tokens: tokenCount, logprobs: z.array(tokenLogprob).optional(), choice }),
  z.object({ type: z.literal("reasoning"), text: z.string(), tokens: tokenCount, choice }),
  /** `id` and `name` come with the first event of an index, `arguments` is a fragment of JSON text. */
  z.object({
    type: z.literal("tool_call"),
    index: z.number().int().nonnegative(),
    id: z.string().optional(),
    name: z.string().optional(),
    arguments: z.string(),
    tokens: tokenCount,
    choice,
  }),
  /** The vector of one input of an embedding task: base64 of little-endian 32-bit floats. Inputs come in order. */
  z.object({ type: z.literal("embedding"), index: z.number().int().nonnegative(), vector: z.string() }),
  /**
   * `reason` and `stop` are those of the first answer; `choices` names those of every answer, in order, when there are several. The usage
   * is of all of them together, with the prompt counted once.
   */
  z.object({
    type: z.literal("finish"),
    reason: finishReason,
    stop: matchedStop,
    choices: z.array(z.object({ reason: finishReason, stop: matchedStop })).optional(),
    usage: chatUsage,
  }),
]);
export type ChatEvent = z.infer<typeof chatEvent>;

/** Whether an event is content in the sense of the first-content deadline: nothing reaches a consumer before the first one. */
export function isContent(event: ChatEvent): boolean {
  return event.type !== "started";
}
