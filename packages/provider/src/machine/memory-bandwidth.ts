/** Larger than caches, so that memory is what is measured; and so often that one copy is not a matter of chance. */
const copied_bytes = 64 * 2 ** 20;
const copies = 4;

/**
 * How fast one core copies memory, in GB (10^9 bytes) per second, read and written bytes together: the best of a few copies, which take some tens
 * of milliseconds. A machine has at least so much.
 *
 * @param now_ms monotonic
 */
export function measureMemoryBandwidth_gbs(now_ms: () => number): number {
  const from = Buffer.alloc(copied_bytes, 1);
  const to = Buffer.alloc(copied_bytes, 2);
  let best_ms = Number.POSITIVE_INFINITY;
  for (let i = 0; i < copies; i++) {
    const start_ms = now_ms();
    from.copy(to);
    best_ms = Math.min(best_ms, now_ms() - start_ms);
  }
  return best_ms > 0 ? (2 * copied_bytes) / 1e6 / best_ms : 0;
}
