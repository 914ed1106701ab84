import { z } from "zod";
import { WIRE_LIMITS } from "../limits.js";
import { count, sha256Hex, shortText } from "./common.js";

export const hardware = z.object({
  platform: z.enum(["darwin", "linux", "win32"]),
  arch: shortText,
  os_version: shortText,
  chip_name: shortText,
  /** Grouping key for rate medians, e.g. `cpu-avx2`, `apple-m4-max`, `rtx-4090`. */
  compute_class: shortText,
  memory_gb: z.number(),
  cpu_cores: count,
  gpus: z
    .array(z.object({ name: shortText, api: z.enum(["metal", "cuda", "vulkan"]), vram_gb: z.number() }))
    .max(16)
    .default([]),
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

/** One resident model. Token figures count prompt plus output tokens. */
export const slot = z.object({
  model: shortText,
  state: slotState.catch("unknown"),
  num_running: z.number(),
  num_waiting: z.number(),
  max_concurrency: z.number(),
  active_tokens: z.number(),
  token_budget_used: z.number(),
  token_budget_max: z.number(),
  kv_bytes_per_token: z.number().optional(),
  observed_decode_tps: z.number().optional(),
  observed_prefill_tps: z.number().optional(),
  model_load_time_ms: z.number().optional(),
});
export type Slot = z.infer<typeof slot>;

export const capacity = z.object({
  slots: z.array(slot).max(WIRE_LIMITS.slots_max),
  total_memory_gb: z.number(),
  free_for_load_gb: z.number().optional(),
});
export type Capacity = z.infer<typeof capacity>;

export const systemMetrics = z.object({
  memory_pressure: z.number(),
  cpu_usage: z.number(),
  thermal_state: z.enum(["nominal", "fair", "serious", "critical"]).catch("nominal"),
});
export type SystemMetrics = z.infer<typeof systemMetrics>;
