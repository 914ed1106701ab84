import { z } from "zod";
import { SELF_REPORTED_MAX, WIRE_LIMITS } from "../limits.js";
import { absentOutOfRange, clamped } from "./clamped.js";
import { count, sha256Hex, shortText } from "./common.js";

/** What a system says of itself that bears on who could read memory. Self-reported: no trust level rests on it. Without an answer it is `unknown`. */
export const posture = z.object({
  secure_boot: z.enum(["on", "off", "unknown"]).catch("unknown"),
  /** Where memory goes that is put out: nowhere but memory, to a disk that is encrypted, or in clear. */
  swap: z.enum(["none", "encrypted", "in_clear", "unknown"]).catch("unknown"),
  /** How much a process may keep from being swapped out. */
  memory_lock: z.enum(["unlimited", "limited", "none", "unknown"]).catch("unknown"),
  /** Whether somebody traces the provider's processes. */
  tracer: z.enum(["none", "attached", "unknown"]).catch("unknown"),
  /** Which of a user's processes may trace another of the same user. */
  ptrace_scope: z.enum(["anyone", "descendants", "administrator", "nobody", "unknown"]).catch("unknown"),
  /** What an administrator may not do to the kernel: nothing is barred, changing it is, or reading it, too. */
  lockdown: z.enum(["none", "integrity", "confidentiality", "unknown"]).catch("unknown"),
  /** Whether the system keeps administrators from changing it as well: SIP of macOS, memory integrity of Windows. */
  system_integrity: z.enum(["on", "off", "unknown"]).catch("unknown"),
});
export type Posture = z.infer<typeof posture>;

export const hardware = z.object({
  platform: z.enum(["darwin", "linux", "win32"]),
  arch: shortText,
  os_version: shortText,
  chip_name: shortText,
  /** Grouping key for rate medians, e.g. `cpu-avx2`, `apple-m4-max`, `rtx-4090`. */
  compute_class: shortText,
  memory_gb: clamped(SELF_REPORTED_MAX.memory_gb),
  cpu_cores: count,
  /** GB (10^9 bytes) per second, at least; absent or 0 is unknown. */
  memory_bandwidth_gbs: clamped(SELF_REPORTED_MAX.memoryBandwidth_gbs).optional(),
  gpus: z
    .array(z.object({ name: shortText, api: z.enum(["metal", "cuda", "vulkan"]), vram_gb: clamped(SELF_REPORTED_MAX.memory_gb) }))
    .max(16)
    .default([]),
  posture: posture.optional(),
});
export type Hardware = z.infer<typeof hardware>;

export const modelInfo = z.object({
  /** Concrete build id, never an alias. */
  id: shortText,
  size_bytes: count,
  format: z.literal("gguf"),
  quantization: shortText.optional(),
  context_length: count,
  /** Aggregate hash of the build's files (catalog.md §2.2). */
  weight_hash: sha256Hex,
  capabilities: z
    .array(z.enum(["chat", "tools", "json", "vision", "reasoning", "logprobs", "embedding"]))
    .max(16)
    .default(["chat"]),
  /** Tri-state: absent is no opinion; false excludes the provider for this build. */
  template_render_ok: z.boolean().optional(),
});
export type ModelInfo = z.infer<typeof modelInfo>;

export const slotState = z.enum(["running", "idle", "idle_shutdown", "crashed", "reloading", "unknown"]);
export type SlotState = z.infer<typeof slotState>;

/** A request that a slot's figures count. */
export const countedRequest = z.object({
  /** As in its `inference_request`. */
  ordinal: count,
  /** Of the token budget that is used. */
  tokens: clamped(SELF_REPORTED_MAX.tokenBudget_tokens),
  /** Of those that run and wait: a request for several answers takes several. */
  places: clamped(SELF_REPORTED_MAX.requests),
});
export type CountedRequest = z.infer<typeof countedRequest>;

/** One resident model. Token figures count prompt plus output tokens. */
export const slot = z.object({
  model: shortText,
  state: slotState.catch("unknown"),
  num_running: clamped(SELF_REPORTED_MAX.requests),
  num_waiting: clamped(SELF_REPORTED_MAX.requests),
  max_concurrency: clamped(SELF_REPORTED_MAX.concurrency),
  active_tokens: clamped(SELF_REPORTED_MAX.active_tokens),
  token_budget_used: clamped(SELF_REPORTED_MAX.tokenBudget_tokens),
  token_budget_max: clamped(SELF_REPORTED_MAX.tokenBudget_tokens),
  kv_bytes_per_token: clamped(SELF_REPORTED_MAX.tokenBudget_tokens).optional(),
  observed_decode_tps: clamped(SELF_REPORTED_MAX.decode_tps).optional(),
  /** Out of range means unmeasured; it is never clamped up to a good value. */
  observed_prefill_tps: absentOutOfRange(SELF_REPORTED_MAX.prefill_tps),
  model_load_time_ms: clamped(SELF_REPORTED_MAX.modelLoad_ms).optional(),
  /** Requests of this connection that the figures above count. Whatever else they count is not the coordinator's. */
  requests: z.array(countedRequest).max(WIRE_LIMITS.namedRequests_max).optional(),
});
export type Slot = z.infer<typeof slot>;

export const capacity = z.object({
  slots: z.array(slot).max(WIRE_LIMITS.slots_max),
  total_memory_gb: clamped(SELF_REPORTED_MAX.memory_gb),
  /** What a load may take, idle builds put away first. Absent is unknown; 0 is a real "nothing can be loaded now". */
  free_for_load_gb: absentOutOfRange(SELF_REPORTED_MAX.memory_gb),
  /** Builds that may be in memory at once; absent is as many as fit. */
  resident_models_max: clamped(WIRE_LIMITS.slots_max).optional(),
  /**
   * The greatest `ordinal` that these figures know of: a request up to it is named by a slot or in `requests_held`, or the machine has done with
   * it. Absent where the machine does not say which requests its figures count.
   */
  requests_seen: count.optional(),
  /** Requests, by `ordinal`, that the machine has taken and no slot counts yet: their model is being loaded, or their prompt not read. */
  requests_held: z.array(count).max(WIRE_LIMITS.namedRequests_max).optional(),
});
export type Capacity = z.infer<typeof capacity>;

export const systemMetrics = z.object({
  memory_pressure: clamped(1),
  cpu_usage: clamped(1),
  thermal_state: z.enum(["nominal", "fair", "serious", "critical"]).catch("nominal"),
});
export type SystemMetrics = z.infer<typeof systemMetrics>;
