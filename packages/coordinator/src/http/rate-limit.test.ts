import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createRequestLimiter } from "./rate-limit.js";

describe("createRequestLimiter", () => {
  it("allows the burst, then the rate, and says when to come back", async () => {
    const clock = createFakeClock();
    const limiter = createRequestLimiter({ perSecond: 0.5, burst: 2 }, clock);
    expect(limiter.take("a")).toMatchObject({
      allowed: true,
      headers: { "x-ratelimit-limit-requests": "30", "x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "2s" },
    });
    expect(limiter.take("a").allowed).toBe(true);
    expect(limiter.take("a")).toMatchObject({ allowed: false, retryAfter_s: 2 });
    await clock.advance(2_000);
    expect(limiter.take("a").allowed).toBe(true);
  });

  it("keeps identities apart", () => {
    const limiter = createRequestLimiter({ perSecond: 1, burst: 1 }, createFakeClock());
    expect(limiter.take("a").allowed).toBe(true);
    expect(limiter.take("b").allowed).toBe(true);
    expect(limiter.take("a").allowed).toBe(false);
  });

  it("is off at rate 0", () => {
    const limiter = createRequestLimiter({ perSecond: 0, burst: 1 }, createFakeClock());
    expect([1, 2, 3].every(() => limiter.take("a").allowed)).toBe(true);
    expect(limiter.take("a").headers).toEqual({});
  });

  it("never asks to wait longer than a minute", () => {
    const limiter = createRequestLimiter({ perSecond: 0.001, burst: 1 }, createFakeClock());
    limiter.take("a");
    expect(limiter.take("a").retryAfter_s).toBe(60);
  });

  it("starts afresh after half an hour of silence", async () => {
    const clock = createFakeClock();
    const limiter = createRequestLimiter({ perSecond: 0.0001, burst: 1 }, clock);
    limiter.take("a");
    await clock.advance(31 * 60_000);
    limiter.take("b");
    expect(limiter.take("a").allowed).toBe(true);
  });
});
