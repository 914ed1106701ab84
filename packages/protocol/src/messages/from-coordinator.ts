import { z } from "zod";
import { WIRE_LIMITS } from "../limits.js";
import {
  base64Bytes,
  count,
  envelopeSuite,
  REASONING_PARSERS,
  requestId,
  sha256Hex,
  shortText,
  timestamp,
  trustLevel,
  withdrawalReason,
} from "./common.js";

export const challenge = z.object({
  /** 32 random bytes, used once. */
  nonce: base64Bytes(32),
  /** RFC 3339 UTC, whole seconds. */
  timestamp,
});
export type Challenge = z.infer<typeof challenge>;

/** Answer to a valid `register`; holds the first possession challenge. */
export const welcome = z.object({
  type: z.literal("welcome"),
  session_id: shortText,
  server_time: shortText,
  heartbeat_interval_ms: count,
  max_frame_bytes: count,
  features: z.array(shortText).max(64).default([]),
  challenge,
});
export type Welcome = z.infer<typeof welcome>;

/** Why a registration was refused; the socket is closed afterwards with 1008. */
export const registerRejected = z.object({
  // Also of a registration that stands: with `auth_token_invalid` when its token was revoked.
  type: z.literal("register_rejected"),
  code: z.enum([
    "invalid_message",
    "invalid_public_key",
    "invalid_attestation",
    "version_too_old",
    "auth_token_invalid",
    "registration_closed",
  ]),
  reason: shortText,
  retry_after_s: count.optional(),
});
export type RegisterRejected = z.infer<typeof registerRejected>;

/** Clear metadata of a request. The sealed body is the binary frame of kind `requestBody` that follows on the same socket. */
export const inferenceRequest = z.object({
  type: z.literal("inference_request"),
  request_id: requestId,
  /** Counts the requests of one connection from 1, with gaps; requests are sent in this order. Heartbeats name them by it. */
  ordinal: count.optional(),
  attempt: count,
  build_id: shortText,
  max_output_tokens: count,
  prompt_tokens_estimate: count,
  /** Time left for the first content, in milliseconds, from receipt. */
  deadline_ms: count,
  suite: envelopeSuite,
  /** HPKE wrap of the content key to this provider's key: encapsulated key, and the key's ciphertext with its tag. */
  wrap: z.object({ enc: base64Bytes(32), ct: base64Bytes(48) }),
  /** Size of the sealed body frame's ciphertext, so that a receiver can refuse before it arrives. */
  body_bytes: count,
  /**
   * Opaque scope within which prefixes may be reused; never shared across accounts. What stands before the first dot is equal for all scopes
   * of one account: places in a queue are shared fairly by it.
   */
  cache_scope: shortText.optional(),
  /** How the catalogue says that thinking is told from the answer; absent, or one that is not known here, is by the model itself. */
  reasoning_parser: z.enum(REASONING_PARSERS).optional().catch(undefined),
});
export type InferenceRequest = z.infer<typeof inferenceRequest>;

export const cancel = z.object({ type: z.literal("cancel"), request_id: requestId });
export type Cancel = z.infer<typeof cancel>;

/**
 * The consumer of an answer does not keep up: nothing more of it is to be sent until the same message says that it may go on. What was under way
 * still comes. Other answers, and the terminal of this one if it is cancelled, do not wait.
 */
export const holdAnswer = z.object({ type: z.literal("hold_answer"), request_id: requestId, held: z.boolean() });
export type HoldAnswer = z.infer<typeof holdAnswer>;

export const attestationChallenge = z.object({ type: z.literal("attestation_challenge"), ...challenge.shape });
export type AttestationChallenge = z.infer<typeof attestationChallenge>;

export const trustStatus = z.object({
  type: z.literal("trust_status"),
  trust_level: trustLevel,
  status: z.enum(["online", "untrusted"]),
  reason: shortText.optional(),
});
export type TrustStatus = z.infer<typeof trustStatus>;

/**
 * What the coordinator makes of the program that the machine says it runs. Sent where it is none that is known, and again when that changes;
 * never to a machine whose program was always known.
 */
export const runtimeStatus = z.object({
  type: z.literal("runtime_status"),
  verified: z.boolean(),
  /** Whether a machine that is not verified gets no requests. */
  enforced: z.boolean().default(false),
  mismatches: z
    .array(z.object({ component: shortText, expected: shortText.optional(), got: shortText.optional() }))
    .max(WIRE_LIMITS.runtimeMismatches_max)
    .optional(),
});
export type RuntimeStatus = z.infer<typeof runtimeStatus>;

/** Bring a build of the store into memory. Answered with `load_model_status`; loading what is loaded succeeds at once. */
export const loadModel = z.object({
  type: z.literal("load_model"),
  model_id: shortText,
  /** Resident builds to put away first, in this order, as far as room is needed; idle ones used longest ago follow. */
  evict: z.array(shortText).max(WIRE_LIMITS.slots_max).optional(),
});
export type LoadModel = z.infer<typeof loadModel>;

/** A hint: put a build away if nothing runs on it. The answer is the next heartbeat, which is sent at once. */
export const unloadModel = z.object({ type: z.literal("unload_model"), model_id: shortText });
export type UnloadModel = z.infer<typeof unloadModel>;

/** Fetch and verify a build, without loading it. Answered with `prefetch_model_status`. */
export const prefetchModel = z.object({
  type: z.literal("prefetch_model"),
  model_id: shortText,
  /** Higher first; absent is 0. */
  priority: count.optional(),
});
export type PrefetchModel = z.infer<typeof prefetchModel>;

/** The builds that names stand for, of the names that concern this machine. An empty list means that none does any more. */
export const desiredModels = z.object({
  type: z.literal("desired_models"),
  models: z
    .array(z.object({ model_name: shortText, desired_build: shortText, previous_build: shortText.optional() }))
    .max(WIRE_LIMITS.desiredModels_max),
  /** Of the catalogue that this follows from; greater than the machine's own where that is old. */
  revision: count.optional(),
  /** Builds that the machine offers and may not offer any more. Files of a `revoked` one are to be removed, of a `retired` one may stay. */
  withdrawn: z
    .array(z.object({ model_id: shortText, weight_hash: sha256Hex, reason: withdrawalReason }))
    .max(WIRE_LIMITS.withdrawnModels_max)
    .optional(),
});
export type DesiredModels = z.infer<typeof desiredModels>;

/** Planned shutdown: accept no new work here, finish what runs, reconnect after the close. */
export const goingAway = z.object({
  type: z.literal("going_away"),
  deadline_ms: count,
  /** How long to wait after the close; another time for each machine. */
  reconnect_after_ms: count.optional(),
});
export type GoingAway = z.infer<typeof goingAway>;

/** The peer sent a message of a type or shape that is not understood. Counted; the connection stays. */
export const protocolError = z.object({
  type: z.literal("protocol_error"),
  reason: z.enum(["unknown_type", "malformed", "unexpected"]),
  message_type: shortText.optional(),
});
export type ProtocolError = z.infer<typeof protocolError>;

export const fromCoordinator = z.discriminatedUnion("type", [
  welcome,
  registerRejected,
  inferenceRequest,
  cancel,
  holdAnswer,
  attestationChallenge,
  trustStatus,
  runtimeStatus,
  loadModel,
  unloadModel,
  prefetchModel,
  desiredModels,
  goingAway,
  protocolError,
]);
export type FromCoordinator = z.infer<typeof fromCoordinator>;
