import type { FinishReason, TokenLogprob } from "../canonical/chat-event.js";
import type { RenderContext } from "../dialect.js";
import type { CompletionOptions } from "./options.js";
import type { WireFinishReason, WireLogprobs } from "./schema.js";

/** What all objects of one answer have in common. */
export function wireBase(context: RenderContext<CompletionOptions>) {
  return { id: `cmpl-${context.id}`, object: "text_completion" as const, created: context.created_s, model: context.model };
}

/** A text completion has no calls, and no word for a cancelled answer: both read as ended. */
export function wireFinishReason(reason: FinishReason): WireFinishReason {
  return reason === "length" ? "length" : "stop";
}

/** @param offset characters that stand before the first of these tokens */
export function wireLogprobs(logprobs: readonly TokenLogprob[], offset: number): NonNullable<WireLogprobs> {
  const lengths = logprobs.map(({ token }) => characters(token));
  let next = offset;
  return {
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.map(({ token, logprob, top }) =>
      Object.fromEntries([...top.map((other): [string, number] => [other.token, other.logprob]), [token, logprob]]),
    ),
    text_offset: lengths.map((length) => {
      const begin = next;
      next += length;
      return begin;
    }),
  };
}

/** Length in Unicode characters, as clients in most languages count it. */
export function characters(text: string): number {
  let count = 0;
  for (const _character of text) count += 1;
  return count;
}
