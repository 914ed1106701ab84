import type { Clock } from "@umbel/protocol";

export interface BucketRate {
  /** Refill per second; 0 is unlimited. */
  readonly perSecond: number;
  readonly burst: number;
}

export interface Taken {
  readonly allowed: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** Whole seconds until one more fits; from 1 to 60. */
  readonly retryAfter_s: number;
}

/** Buckets idle for so long are full again, or as good as. */
const IDLE_ms = 30 * 60_000;
const SWEEP_EVERY_ms = 5 * 60_000;
const RETRY_AFTER_MAX_s = 60;

interface Bucket {
  tokens: number;
  at_ms: number;
}

/** One token bucket an identity, in memory: made when first needed, dropped when idle. Source: api.md §5. */
export function createRequestLimiter(rate: BucketRate, clock: Clock): { take(identity: string): Taken } {
  const buckets = new Map<string, Bucket>();
  let swept_ms = clock.now_ms();

  function sweep(now_ms: number): void {
    if (now_ms - swept_ms < SWEEP_EVERY_ms) return;
    swept_ms = now_ms;
    for (const [identity, bucket] of buckets) if (now_ms - bucket.at_ms > IDLE_ms) buckets.delete(identity);
  }

  return {
    take(identity) {
      if (rate.perSecond <= 0) return { allowed: true, headers: {}, retryAfter_s: 0 };
      const now_ms = clock.now_ms();
      sweep(now_ms);
      const bucket = buckets.get(identity) ?? { tokens: rate.burst, at_ms: now_ms };
      buckets.set(identity, bucket);
      bucket.tokens = Math.min(rate.burst, bucket.tokens + ((now_ms - bucket.at_ms) / 1_000) * rate.perSecond);
      bucket.at_ms = now_ms;
      const allowed = bucket.tokens >= 1;
      if (allowed) bucket.tokens -= 1;
      const retryAfter_s = Math.min(RETRY_AFTER_MAX_s, Math.max(1, Math.floor((1 - bucket.tokens) / rate.perSecond)));
      return { allowed, retryAfter_s: allowed ? 0 : retryAfter_s, headers: headersOf(bucket, rate) };
    },
  };
}

function headersOf(bucket: Bucket, rate: BucketRate): Record<string, string> {
  return {
    "x-ratelimit-limit-requests": String(Math.round(rate.perSecond * 60)),
    "x-ratelimit-remaining-requests": String(Math.floor(bucket.tokens)),
    "x-ratelimit-reset-requests": `${Math.ceil((rate.burst - bucket.tokens) / rate.perSecond)}s`,
  };
}
