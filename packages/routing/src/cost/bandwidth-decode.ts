/** Share of a memory's bandwidth that writing tokens makes use of (routing.md §5). */
const BANDWIDTH_SHARE = 0.8;

/**
 * What a machine should write of a build, in tokens per second of one stream: every token takes reading the weights once, all of them where it
 * is not known that fewer would do.
 *
 * @param bandwidth_gbs of the machine's memory, in 10^9 bytes per second
 * @param resident_bytes of the build in memory
 */
export function bandwidthDecode_tps(bandwidth_gbs: number, resident_bytes: number, share = BANDWIDTH_SHARE): number {
  return (share * bandwidth_gbs * 1e9) / resident_bytes;
}
