import { z } from "zod";

/** A non-negative integer that JSON carries exactly. */
export const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
/** Short machine-written text: ids, names, versions. */
export const shortText = z.string().max(256);
/** The last character before padding has no bits that stand for nothing (RFC 4648 §3.5): else several texts would say the same bytes. */
export const base64 = z
  .string()
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/, "must be standard base64 with padding");

/** Base64 of exactly `length` bytes: keys and nonces, whose length is part of their meaning. */
export function base64Bytes(length: number) {
  return base64.refine((text) => decodedLength(text) === length, { error: `must be base64 of ${length} bytes` });
}

function decodedLength(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** RFC 3339 in UTC, with `Z`. */
export const timestamp = z.iso.datetime();
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits");

/** The id of one request, a UUID in lower case; 16 raw bytes in binary frames. */
export const requestId = z.uuid().lowercase().brand<"RequestId">();
export type RequestId = z.infer<typeof requestId>;

/** Why a provider refused or failed a request. Closed: a new cause needs a new protocol version. Source: routing.md §10. */
export const errorClass = z.enum([
  "client_request",
  "context_exceeded",
  "capacity_kv",
  "capacity_slots",
  "capacity_queue",
  "draining",
  "not_loaded",
  "load_failed_memory",
  "load_failed_artifact",
  "template_render",
  "engine_crash",
  "internal",
  "cancelled",
  "timeout",
]);
export type ErrorClass = z.infer<typeof errorClass>;

/** Tokens of one request as the engine counted them. `reasoning_tokens` is part of `completion_tokens`. */
export const usage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  reasoning_tokens: count.default(0),
  cached_prompt_tokens: count.default(0),
});
export type Usage = z.infer<typeof usage>;

/** Why a request that produced output ended. */
export const finishReason = z.enum(["stop", "length", "tool_calls", "cancelled"]);
export type FinishReason = z.infer<typeof finishReason>;

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "must be base64url of 32 bytes");
/** Public part of a P-256 device key (RFC 7517). Whether the point is on the curve is known only when the key is used. */
export const deviceKey = z.object({ kty: z.literal("EC"), crv: z.literal("P-256"), x: coordinate, y: coordinate });
export type DeviceKey = z.infer<typeof deviceKey>;

export const trustLevel = z.enum(["none", "self_signed", "hardware"]);
export type TrustLevel = z.infer<typeof trustLevel>;

/** HPKE suite of an envelope: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, and the AEAD that the name ends with. */
export const envelopeSuite = z.enum(["x25519-sha256-aes256gcm", "x25519-sha256-chacha20poly1305"]);
export type EnvelopeSuite = z.infer<typeof envelopeSuite>;

/** Why a provider did not load a build. Closed; `model_not_found` is for good, the others may pass (routing.md §10, §13.1). */
export const loadRefusal = z.enum(["draining", "insufficient_memory", "slot_cap", "model_not_found", "other"]).or(laterWord());
export type LoadRefusal = z.infer<typeof loadRefusal>;

/** Why a provider did not fetch a build: `no_source` is a build that this machine knows no place to fetch from. */
export const prefetchRefusal = z.enum(["draining", "no_source", "other"]).or(laterWord());
export type PrefetchRefusal = z.infer<typeof prefetchRefusal>;

/** Why a build may not be offered any more: no one is to serve it, or its files are not to be trusted. */
export const withdrawalReason = z.enum(["retired", "revoked", "other"]).or(laterWord());

/**
 * Why a machine that is well takes no work for now: its owner paused it, it is outside its schedule, somebody uses it, it lives on its battery, its
 * memory is short, it is too hot.
 */
export const restReason = z.enum(["paused", "schedule", "in_use", "battery", "memory", "heat", "other"]).or(laterWord());
export type RestReason = z.infer<typeof restReason>;

/** Feature in `register` of a machine that lets single answers wait when told; others are never sent this command. */
export const FLOW_FEATURE = "flow/1";

/** Feature in `register` of a machine that loads and unloads builds when told; others are never sent these commands. */
export const MANAGED_MODELS_FEATURE = "models/1";

/** A word of a later version reads as `other`. */
function laterWord() {
  return shortText.transform((): "other" => "other");
}

/** How what a model thinks is told from what it answers: by `<think>` at the beginning, or not at all. */
export const REASONING_PARSERS = ["think", "none"] as const;
export type ReasoningParser = (typeof REASONING_PARSERS)[number];
