import type { Clock } from "@umbel/protocol";
import { type BucketRate, TokenBucket } from "./token-bucket.js";

export const BUCKET_TABLE_LIMITS = {
  /** A bucket idle for so long is full again, or as good as. */
  idle_ms: 30 * 60_000,
  sweep_ms: 5 * 60_000,
  /** Beyond it the bucket that was used longest ago is dropped. */
  buckets_max: 200_000,
} as const;

/** Buckets by identity, in memory: made full when first needed, dropped when idle. */
export interface BucketTable {
  /** The identity's bucket, filled up to now by this rate; undefined when the rate means no limit. */
  of(identity: string, rate: BucketRate): TokenBucket | undefined;
  readonly size: number;
}

export function createBucketTable(clock: Clock): BucketTable {
  // In the order of last use.
  const buckets = new Map<string, TokenBucket>();
  let swept_ms = clock.now_ms();

  function sweep(now_ms: number): void {
    if (now_ms - swept_ms < BUCKET_TABLE_LIMITS.sweep_ms) return;
    swept_ms = now_ms;
    for (const [identity, bucket] of buckets) {
      if (now_ms - bucket.at_ms <= BUCKET_TABLE_LIMITS.idle_ms) break;
      buckets.delete(identity);
    }
  }

  return {
    get size() {
      return buckets.size;
    },
    of(identity, rate) {
      if (rate.perSecond <= 0) return undefined;
      const now_ms = clock.now_ms();
      sweep(now_ms);
      const bucket = buckets.get(identity) ?? new TokenBucket(rate, now_ms);
      bucket.refill(rate, now_ms);
      buckets.delete(identity);
      buckets.set(identity, bucket);
      if (buckets.size > BUCKET_TABLE_LIMITS.buckets_max) for (const oldest of buckets.keys()) return drop(oldest, bucket);
      return bucket;
    },
  };

  function drop(oldest: string, bucket: TokenBucket): TokenBucket {
    buckets.delete(oldest);
    return bucket;
  }
}
