import { z } from "zod";
import { SELF_REPORTED_MAX, WIRE_LIMITS } from "../limits.js";
import { clamped } from "./clamped.js";
import {
  base64,
  base64Bytes,
  count,
  deviceKey,
  errorClass,
  finishReason,
  loadRefusal,
  prefetchRefusal,
  requestId,
  restReason,
  sha256Hex,
  shortText,
  usage,
} from "./common.js";
import { location } from "./location.js";
import { capacity, hardware, modelInfo, systemMetrics } from "./machine.js";

/** First frame on a socket. The provider becomes routable only after it has answered the challenge in `welcome`. */
export const register = z.object({
  type: z.literal("register"),
  protocol: z.literal(1),
  version: shortText,
  /** Engine family, e.g. `llama.cpp` or `scripted`. Routing gates on features, not on this. */
  backend: shortText,
  features: z.array(shortText).max(64).default([]),
  hardware,
  models: z.array(modelInfo).max(WIRE_LIMITS.advertisedModels_max),
  /**
   * Raw X25519 public key of the worker (32 bytes), to which request keys are wrapped. The length is checked at registration and not
   * here, because a wrong key has a refusal code of its own (`invalid_public_key`).
   */
  encryption_key: base64.max(256),
  device_key: deviceKey,
  /** JWS by the device key, `typ` `att-reg+jwt`, over `RegistrationClaims`. */
  attestation: z.string().max(WIRE_LIMITS.registrationJws_bytes_max),
  /** `aggregateHash` over the files of the release that the machine runs, as it found them at its start; absent for what is no release. */
  runtime_hash: sha256Hex.optional(),
  /** Account token from device linking; absent for an unlinked machine. */
  auth_token: shortText.optional(),
  private_only: z.boolean().default(false),
  /** Absent where its owner would rather not say. */
  location: location.optional(),
  decode_tps: clamped(SELF_REPORTED_MAX.decode_tps).default(0),
  prefill_tps: clamped(SELF_REPORTED_MAX.prefill_tps).default(0),
});
export type Register = z.infer<typeof register>;

export const heartbeat = z.object({
  type: z.literal("heartbeat"),
  status: z.enum(["idle", "serving"]),
  /** Cumulative since process start. */
  stats: z.object({
    requests_served: count,
    tokens_generated: count,
    cancellations_received: count.default(0),
    errors: count.default(0),
    worker_restarts: count.default(0),
    /** Requests that were cancelled before they had anything to show, and those that had. */
    cancellations_before_output: count.optional(),
    cancellations_partial_complete: count.optional(),
    /** Cancelled while their model was being loaded; also in the first of the two above. */
    cancel_during_model_load: count.optional(),
    /** Failed after they had shown something. */
    generation_errors_after_output: count.optional(),
    chunk_encryption_errors: count.optional(),
    /** The engine stopped without having said how the answer ended. */
    stream_closed_without_terminal: count.optional(),
    /** The engine did not say what an answer took, and the tokens that were delivered were counted instead. */
    usage_gaps: count.optional(),
  }),
  system_metrics: systemMetrics,
  capacity: capacity.optional(),
  /** The machine takes no work until it says otherwise; what runs goes on. Absent or empty: it takes work. */
  rest_reasons: z.array(restReason).max(WIRE_LIMITS.restReasons_max).optional(),
});
export type Heartbeat = z.infer<typeof heartbeat>;

/** Sent at once for each request and again when the phase changes. It never disarms the first-content deadline (routing.md §9). */
export const inferenceAccepted = z.object({
  type: z.literal("inference_accepted"),
  request_id: requestId,
  phase: z.enum(["queued", "loading", "prefilling"]),
  /** 16 random bytes that the provider draws per attempt; salt of the response key. Equal in every repetition. */
  response_nonce: base64Bytes(16),
  /** How far the phase has come, 0 to 1; of `loading`, what shows that it advances. */
  progress: clamped(1).optional(),
  /** Until the first content, as far as the machine can tell. */
  eta_ms: clamped(SELF_REPORTED_MAX.modelLoad_ms).optional(),
});
export type InferenceAccepted = z.infer<typeof inferenceAccepted>;

/** Terminal of a request that produced output (also of a cancelled one). Follows the final chunk. */
export const inferenceComplete = z.object({
  type: z.literal("inference_complete"),
  request_id: requestId,
  usage,
  finish_reason: finishReason,
  /** Chunk frames sent, the final one included. */
  chunks: count,
  /** JWS by the device key, `typ` `usage-receipt+jwt`, over `UsageReceipt`. */
  receipt: z.string().max(WIRE_LIMITS.jws_bytes_max),
});
export type InferenceComplete = z.infer<typeof inferenceComplete>;

/** Terminal of a request that produced no answer, or broke off. Carries no free text: it could hold parts of a prompt. */
export const inferenceError = z.object({
  type: z.literal("inference_error"),
  request_id: requestId,
  error_class: errorClass,
  /** Closed, content-free detail for the caller, e.g. the parameter that is not supported. */
  param: shortText.optional(),
  needed: count.optional(),
  available: count.optional(),
});
export type InferenceError = z.infer<typeof inferenceError>;

export const attestationResponse = z.object({
  type: z.literal("attestation_response"),
  nonce: base64Bytes(32),
  /** JWS by the device key, `typ` `att-challenge+jwt`, over `ChallengeClaims`. */
  attestation: z.string().max(WIRE_LIMITS.jws_bytes_max),
});
export type AttestationResponse = z.infer<typeof attestationResponse>;

/** What became of a `load_model`: `started` at once, then `succeeded` or `failed`. */
export const loadModelStatus = z.object({
  type: z.literal("load_model_status"),
  model_id: shortText,
  status: z.enum(["started", "succeeded", "failed"]),
  /** Of `failed`. */
  reason: loadRefusal.optional(),
});
export type LoadModelStatus = z.infer<typeof loadModelStatus>;

/** How a `prefetch_model` goes. For display only: what makes a build routable is `models_update`. */
export const prefetchModelStatus = z.object({
  type: z.literal("prefetch_model_status"),
  model_id: shortText,
  status: z.enum(["started", "downloading", "verified", "failed"]),
  bytes_done: count.optional(),
  bytes_total: count.optional(),
  /** Of `failed`. */
  reason: prefetchRefusal.optional(),
});
export type PrefetchModelStatus = z.infer<typeof prefetchModelStatus>;

/** Builds that this machine now offers, in full: each takes the place of its former entry, or is added. */
export const modelsUpdate = z.object({
  type: z.literal("models_update"),
  models: z.array(modelInfo).max(WIRE_LIMITS.advertisedModels_max),
});
export type ModelsUpdate = z.infer<typeof modelsUpdate>;

export const fromProvider = z.discriminatedUnion("type", [
  register,
  heartbeat,
  inferenceAccepted,
  inferenceComplete,
  inferenceError,
  attestationResponse,
  loadModelStatus,
  prefetchModelStatus,
  modelsUpdate,
]);
export type FromProvider = z.infer<typeof fromProvider>;
