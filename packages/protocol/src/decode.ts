import type { z } from "zod";
import { utf8 } from "./bytes.js";
import { WIRE_LIMITS } from "./limits.js";
import { type FromCoordinator, fromCoordinator } from "./messages/from-coordinator.js";
import { type FromProvider, fromProvider } from "./messages/from-provider.js";

/** A control message that was read, or why it was not. Nothing of the message's content is repeated in a refusal. */
export type Decoded<T> =
  | { ok: true; message: T }
  | {
      ok: false;
      /** `too_large`: over `WIRE_LIMITS.controlMessage_bytes_max`. `unknown_type`: well formed, but not of this vocabulary. */
      reason: "too_large" | "malformed" | "unknown_type";
      /** The `type`, if there is one that looks like a type. For the answering `protocol_error`. */
      messageType?: string;
      /** First top-level field that breaks its schema, of a message of known type. */
      field?: string;
    };

/** Reads a text frame that a provider sent. Never throws. */
export function decodeFromProvider(text: string): Decoded<FromProvider> {
  return decode(text, fromProvider, providerTypes);
}

/** Reads a text frame that a coordinator sent. Never throws. */
export function decodeFromCoordinator(text: string): Decoded<FromCoordinator> {
  return decode(text, fromCoordinator, coordinatorTypes);
}

const providerTypes: ReadonlySet<string> = new Set(fromProvider.options.map((option) => option.shape.type.value));
const coordinatorTypes: ReadonlySet<string> = new Set(fromCoordinator.options.map((option) => option.shape.type.value));

function decode<T>(text: string, schema: z.ZodType<T>, types: ReadonlySet<string>): Decoded<T> {
  if (isTooLarge(text)) return { ok: false, reason: "too_large" };
  const value = readJson(text);
  const messageType = typeOf(value);
  if (messageType === undefined) return { ok: false, reason: "malformed" };
  if (!types.has(messageType)) return { ok: false, reason: "unknown_type", messageType };
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const field = parsed.error.issues[0]?.path[0];
  return { ok: false, reason: "malformed", messageType, ...(typeof field === "string" && { field }) };
}

/** UTF-8 takes one to three bytes for each UTF-16 unit, so most texts need no counting. */
function isTooLarge(text: string): boolean {
  const bytes_max = WIRE_LIMITS.controlMessage_bytes_max;
  return text.length > bytes_max || (text.length * 3 > bytes_max && utf8(text).length > bytes_max);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function typeOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") return undefined;
  return /^[a-z][a-z0-9_]{0,63}$/.test(value.type) ? value.type : undefined;
}
