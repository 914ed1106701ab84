import type { ChatEvent, ChatUsage, FinishReason, TokenLogprob } from "./chat-event.js";
import { CodecError } from "./codec-error.js";

/**
 * Checks and copies an array of events by hand, because this runs for every chunk of every answer and the schema costs several times as
 * much. It accepts exactly what `z.array(chatEvent)` accepts and yields the same value; a property test holds the two together.
 *
 * @throws CodecError `malformed`.
 */
export function checkEvents(value: unknown): ChatEvent[] {
  return list(value).map(event);
}

type Fields = Readonly<Record<string, unknown>>;

function event(value: unknown): ChatEvent {
  const fields = object(value);
  switch (fields["type"]) {
    case "text":
      return textEvent(fields);
    case "reasoning":
      return { type: "reasoning", text: text(fields["text"]), tokens: count(fields["tokens"]), ...choiceOf(fields) };
    case "tool_call":
      return toolCallEvent(fields);
    case "started":
      return {
        type: "started",
        promptTokens: count(fields["promptTokens"]),
        cachedPromptTokens: count(fields["cachedPromptTokens"]),
      };
    case "embedding":
      return { type: "embedding", index: count(fields["index"]), vector: text(fields["vector"]) };
    case "finish":
      return finishEvent(fields);
    default:
      throw malformed();
  }
}

function textEvent(fields: Fields): ChatEvent {
  const plain = { type: "text" as const, text: text(fields["text"]), tokens: count(fields["tokens"]), ...choiceOf(fields) };
  const logprobs = fields["logprobs"];
  return logprobs === undefined ? plain : { ...plain, logprobs: list(logprobs).map(tokenLogprob) };
}

function toolCallEvent(fields: Fields): ChatEvent {
  const { id, name } = fields;
  return {
    type: "tool_call",
    index: count(fields["index"]),
    ...(id === undefined ? {} : { id: text(id) }),
    ...(name === undefined ? {} : { name: text(name) }),
    arguments: text(fields["arguments"]),
    tokens: count(fields["tokens"]),
    ...choiceOf(fields),
  };
}

function finishEvent(fields: Fields): ChatEvent {
  const { choices } = fields;
  return {
    type: "finish",
    ...ending(fields),
    ...(choices === undefined ? {} : { choices: list(choices).map((choice) => ending(object(choice))) }),
    usage: usage(fields["usage"]),
  };
}

function ending(fields: Fields) {
  const { stop } = fields;
  return { reason: finishReason(fields["reason"]), ...(stop === undefined ? {} : { stop: text(stop) }) };
}

function choiceOf({ choice }: Fields): { choice?: number } {
  return choice === undefined ? {} : { choice: count(choice) };
}

function tokenLogprob(value: unknown): TokenLogprob {
  const fields = object(value);
  const top = fields["top"];
  return { ...candidate(fields), top: top === undefined ? [] : list(top).map((entry) => candidate(object(entry))) };
}

function candidate(fields: Fields) {
  return { token: text(fields["token"]), logprob: finite(fields["logprob"]), bytes: list(fields["bytes"]).map(byte) };
}

function usage(value: unknown): ChatUsage {
  const fields = object(value);
  return {
    promptTokens: count(fields["promptTokens"]),
    completionTokens: count(fields["completionTokens"]),
    reasoningTokens: count(fields["reasoningTokens"]),
    cachedPromptTokens: count(fields["cachedPromptTokens"]),
  };
}

function finishReason(value: unknown): FinishReason {
  if (value === "stop" || value === "length" || value === "tool_calls" || value === "cancelled") return value;
  throw malformed();
}

function object(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed();
  return value as Fields;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed();
  return value;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw malformed();
  return value;
}

function count(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw malformed();
  return value;
}

function byte(value: unknown): number {
  const number = count(value);
  if (number > 255) throw malformed();
  return number;
}

function finite(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw malformed();
  return value;
}

function malformed(): CodecError {
  return new CodecError("malformed", "chat events");
}
