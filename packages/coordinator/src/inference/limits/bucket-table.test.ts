import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { BUCKET_TABLE_LIMITS, createBucketTable } from "./bucket-table.js";

const RATE = { perSecond: 0.0001, burst: 1 };

describe("a table of buckets", () => {
  it("drops what was idle for half an hour, and begins anew with it", async () => {
    const clock = createFakeClock();
    const buckets = createBucketTable(clock);
    buckets.of("a", RATE)?.take(1);
    await clock.advance(BUCKET_TABLE_LIMITS.idle_ms + BUCKET_TABLE_LIMITS.sweep_ms);
    buckets.of("b", RATE);
    expect(buckets.size).toBe(1);
    expect(buckets.of("a", RATE)?.holds(1)).toBe(true);
  });

  it("keeps what is in use", async () => {
    const clock = createFakeClock();
    const buckets = createBucketTable(clock);
    buckets.of("a", RATE)?.take(1);
    for (let sweep = 0; sweep < 10; sweep++) {
      await clock.advance(BUCKET_TABLE_LIMITS.sweep_ms);
      expect(buckets.of("a", RATE)?.holds(1)).toBe(false);
    }
  });

  it("is bounded: the one that was used longest ago goes", () => {
    const buckets = createBucketTable(createFakeClock());
    for (let index = 0; index <= BUCKET_TABLE_LIMITS.buckets_max; index++) buckets.of(String(index), RATE)?.take(1);
    expect(buckets.size).toBe(BUCKET_TABLE_LIMITS.buckets_max);
    expect(buckets.of("0", RATE)?.holds(1)).toBe(true);
    expect(buckets.of(String(BUCKET_TABLE_LIMITS.buckets_max), RATE)?.holds(1)).toBe(false);
  });

  it("has no bucket where there is no limit", () => {
    expect(createBucketTable(createFakeClock()).of("a", { perSecond: 0, burst: 1 })).toBeUndefined();
  });
});
