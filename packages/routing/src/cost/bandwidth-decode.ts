import type { BuildMemory } from "../types.js";

/** Share of a memory's bandwidth that writing tokens makes use of (routing.md §5). */
const BANDWIDTH_SHARE = 0.8;

/** Of a build, what its weights take in memory and what of them a token goes through. */
export type Weights = Pick<BuildMemory, "resident_bytes" | "active_bytes">;

/**
 * What a machine should write of a build, in tokens per second of one stream: every token takes reading the weights once, all of them where it
 * is not known that fewer would do.
 *
 * @param bandwidth_gbs of the machine's memory, in 10^9 bytes per second
 */
export function bandwidthDecode_tps(
  bandwidth_gbs: number,
  { resident_bytes, active_bytes = resident_bytes }: Weights,
  share = BANDWIDTH_SHARE,
): number {
  return (share * bandwidth_gbs * 1e9) / active_bytes;
}
