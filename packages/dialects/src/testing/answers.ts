import fc from "fast-check";
import type { ChatEvent, ChatUsage, FinishReason, TokenLogprob } from "../canonical/chat-event.js";

const tokenCount = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: "binary", maxLength: 12 });

const candidate = fc.record({
  token: text,
  logprob: fc.double({ max: 0, min: -1e6, noNaN: true }).map((value) => value + 0),
  bytes: fc.array(fc.nat({ max: 255 }), { maxLength: 4 }),
});
const logprob: fc.Arbitrary<TokenLogprob> = fc
  .tuple(candidate, fc.array(candidate, { maxLength: 2 }))
  .map(([token, top]) => ({ ...token, top }));

const usage: fc.Arbitrary<ChatUsage> = fc.record({
  promptTokens: fc.nat(),
  completionTokens: fc.nat(),
  reasoningTokens: fc.nat(),
  cachedPromptTokens: fc.nat(),
});
const reason = fc.constantFrom<FinishReason>("stop", "length", "tool_calls", "cancelled");

const endings = fc.array(fc.record({ reason }), { maxLength: 4 });
const finish = fc.record(
  { type: fc.constant("finish" as const), reason, usage, choices: endings },
  { requiredKeys: ["type", "reason", "usage"] },
);

/** Any single event, in or out of place. */
export const anyEvent: fc.Arbitrary<ChatEvent> = fc.oneof(
  fc.record({ type: fc.constant("started" as const), promptTokens: tokenCount, cachedPromptTokens: tokenCount }),
  fc.record(
    {
      type: fc.constant("text" as const),
      text,
      tokens: tokenCount,
      logprobs: fc.array(logprob, { maxLength: 2 }),
      choice: fc.nat({ max: 3 }),
    },
    { requiredKeys: ["type", "text", "tokens"] },
  ),
  fc.record(
    { type: fc.constant("reasoning" as const), text, tokens: tokenCount, choice: fc.nat({ max: 3 }) },
    { requiredKeys: ["type", "text", "tokens"] },
  ),
  fc.record(
    {
      ...{ type: fc.constant("tool_call" as const), index: fc.nat({ max: 3 }), id: text, name: text, arguments: text, tokens: tokenCount },
      choice: fc.nat({ max: 3 }),
    },
    { requiredKeys: ["type", "index", "arguments", "tokens"] },
  ),
  finish,
);

/** Any sequence of events, also one that no honest provider sends. */
export const anyEvents: fc.Arbitrary<ChatEvent[]> = fc.array(anyEvent, { maxLength: 20 });

/** A sequence with exactly one `finish`, at its end. */
export const wholeAnswer: fc.Arbitrary<ChatEvent[]> = fc
  .tuple(anyEvents, finish)
  .map(([events, end]) => [...events.filter(({ type }) => type !== "finish"), end]);

/** The same events of one answer alone. */
export function ofOneAnswer(events: readonly ChatEvent[]): ChatEvent[] {
  return events.map((event) => {
    if (event.type === "finish") return { type: "finish", reason: event.reason, usage: event.usage };
    if (!("choice" in event)) return event;
    const { choice: _choice, ...ofFirst } = event;
    return ofFirst;
  });
}

export const someUsage: ChatUsage = { promptTokens: 9, completionTokens: 3, reasoningTokens: 1, cachedPromptTokens: 4 };
