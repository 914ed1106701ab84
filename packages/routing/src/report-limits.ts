import { WIRE_LIMITS } from "@umbel/protocol";

/**
 * Ceilings on what a machine may say of itself: it must not buy traffic with absurd numbers (routing.md §1.1, protocol.md §4.6). Rates are
 * wide enough for small models and datacentre accelerators: a 3M-parameter model decodes past 1,000 tok/s on a CPU.
 */
export const REPORT_LIMITS = {
  decode_tps_max: 10_000,
  prefill_tps_max: 100_000,
  memory_gb_max: 4096,
  concurrency_max: 256,
  /** Requests in one slot; far above any concurrency, so that a queue still shows as one. */
  requests_max: 100_000,
  activeTokens_max: 1_000_000,
  tokens_max: 10_000_000_000,
  /** 64 MiB: a token of the largest dense models in 16-bit cache takes under 8 MiB. */
  kvBytesPerToken_max: 64 * 1024 * 1024,
  modelLoad_ms_max: 3_600_000,
  builds_max: WIRE_LIMITS.advertisedModels_max,
  slots_max: WIRE_LIMITS.slots_max,
} as const;

/** Garbage and negatives become 0, anything above `max` becomes `max`. */
export function clamped(value: number, max: number): number {
  return value > 0 ? Math.min(value, max) : 0;
}

/** Like `clamped`, and whole. */
export function clampedCount(value: number, max: number): number {
  return Math.floor(clamped(value, max));
}

/** A measurement out of range is no measurement: 0. Never clamped down, since the clamped value would be the best rate in the fleet. */
export function measuredOrUnknown(value: number, max: number): number {
  return value > 0 && value <= max ? value : 0;
}

/** A figure out of range counts as unreported; 0 is a real value. */
export function reportedOrAbsent(value: number | undefined, max: number): number | undefined {
  return value !== undefined && value >= 0 && value <= max ? value : undefined;
}
