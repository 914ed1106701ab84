import { WIRE_LIMITS } from "@umbel/protocol";
import type { ChatEvent } from "./chat-event.js";
import { type ChatRequest, chatRequest } from "./chat-request.js";
import { CodecError, type CodecSubject } from "./codec-error.js";
import { checkEvents } from "./event-check.js";
import { JSON_DEPTH_MAX, nestsDeeperThan } from "./json-depth.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The plaintext of a sealed request body: UTF-8 JSON.
 *
 * @throws CodecError `too_large` above `WIRE_LIMITS.requestBody_bytes_max`.
 */
export function encodeChatRequest(request: ChatRequest): Uint8Array {
  return encode(request, "chat request", WIRE_LIMITS.requestBody_bytes_max);
}

/**
 * Opens the plaintext of a sealed request body and fills in the defaults of absent fields.
 *
 * @throws CodecError `too_large` above `WIRE_LIMITS.requestBody_bytes_max`, `malformed` for everything that is not a chat request.
 */
export function decodeChatRequest(bytes: Uint8Array): ChatRequest {
  const value = decode(bytes, "chat request", WIRE_LIMITS.requestBody_bytes_max);
  if (nestsDeeperThan(value, JSON_DEPTH_MAX)) throw new CodecError("malformed", "chat request");
  const result = chatRequest.safeParse(value);
  if (!result.success) throw new CodecError("malformed", "chat request");
  return result.data;
}

/**
 * The plaintext of one sealed response chunk: a UTF-8 JSON array of events. Log-probabilities must be finite: JSON has no infinity.
 *
 * @throws CodecError `too_large` above `WIRE_LIMITS.chunk_bytes_max`.
 */
export function encodeEvents(events: readonly ChatEvent[]): Uint8Array {
  return encode(events, "chat events", WIRE_LIMITS.chunk_bytes_max);
}

/**
 * Opens the plaintext of one response chunk. Unknown fields are dropped; what remains equals what the `chatEvent` schema yields.
 *
 * @throws CodecError `too_large` above `WIRE_LIMITS.chunk_bytes_max`, `malformed` for everything that is not an array of events.
 */
export function decodeEvents(bytes: Uint8Array): ChatEvent[] {
  return checkEvents(decode(bytes, "chat events", WIRE_LIMITS.chunk_bytes_max));
}

function encode(value: unknown, subject: CodecSubject, bytes_max: number): Uint8Array {
  const bytes = encoder.encode(JSON.stringify(value));
  if (bytes.length > bytes_max) throw new CodecError("too_large", subject);
  return bytes;
}

function decode(bytes: Uint8Array, subject: CodecSubject, bytes_max: number): unknown {
  if (bytes.length > bytes_max) throw new CodecError("too_large", subject);
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    // The parser's own error quotes the text, which is someone's prompt or answer: it is not kept as the cause.
    throw new CodecError("malformed", subject);
  }
}
