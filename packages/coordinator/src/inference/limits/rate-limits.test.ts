import { ApiError } from "@umbel/dialects";
import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { KeyRecord, Principal } from "../../accounts/index.js";
import { createRateLimits, type RateSettings, unlimitedRates } from "./rate-limits.js";

const SETTINGS: RateSettings = {
  requestRate_perSecond: 0.5,
  requestBurst: 2,
  serviceRequestRate_perSecond: 5,
  serviceRequestBurst: 4,
  inputTokens_perMinute: 6_000,
  inputTokensBurst: 1_000,
  outputTokens_perMinute: 600,
  outputTokensBurst: 500,
};

function principal(accountId = "alice", key?: Partial<KeyRecord>): Principal {
  const limits = { rpmLimit: null, itpmLimit: null, otpmLimit: null };
  return { accountId, method: "api_key", key: key && ({ id: "key_1", ...limits, ...key } as KeyRecord) };
}

describe("rate limits", () => {
  let clock: FakeClock;
  beforeEach(() => {
    clock = createFakeClock();
  });
  const limitsWith = (change: Partial<RateSettings> = {}) => createRateLimits({ clock, settings: { ...SETTINGS, ...change } });

  it("of requests are wider for a trusted aggregator, or none", () => {
    const limits = limitsWith();
    const service = principal("aggregator", { isService: true });
    for (let count = 0; count < 4; count += 1) limits.takeRequest(service);
    expect(refusal(() => limits.takeRequest(service))).toMatchObject({ status: 429, tier: "service" });
    limits.takeTokens(service, { input: 1_000, output: 0 });
    expect(refusal(() => limits.takeTokens(service, { input: 1_000, output: 0 })).tier).toBe("service");
    const unlimited = limitsWith({ serviceRequestRate_perSecond: 0 });
    for (let count = 0; count < 100; count += 1) unlimited.takeRequest(service);
  });

  function refusal(take: () => unknown): ApiError {
    try {
      take();
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error("it was allowed");
  }

  it("let the burst pass, then the rate, and say when to come back", async () => {
    const limits = limitsWith();
    expect(limits.takeRequest(principal())).toEqual({
      "x-ratelimit-limit-requests": "30",
      "x-ratelimit-remaining-requests": "1",
      "x-ratelimit-reset-requests": "2s",
    });
    limits.takeRequest(principal());
    const refused = refusal(() => limits.takeRequest(principal()));
    expect(refused).toMatchObject({ status: 429, code: "rate_limit_exceeded", retryAfter_s: 2, retryAfter_ms: 2_000 });
    expect(refused.headers).toMatchObject({ "x-ratelimit-remaining-requests": "0", "X-RateLimit-Reset": expect.any(String) });
    await clock.advance(2_000);
    limits.takeRequest(principal());
  });

  it("keep accounts apart", () => {
    const limits = limitsWith({ requestBurst: 1 });
    limits.takeRequest(principal("alice"));
    limits.takeRequest(principal("bob"));
    refusal(() => limits.takeRequest(principal("alice")));
  });

  it("are off at rate 0, and then tell nothing", () => {
    const limits = limitsWith({ requestRate_perSecond: 0, inputTokens_perMinute: 0, outputTokens_perMinute: 0 });
    for (let count = 0; count < 10; count++) expect(limits.takeRequest(principal())).toEqual({});
    expect(limits.takeTokens(principal(), { input: 1e9, output: 1e9 }).headers).toEqual({});
    expect(unlimitedRates({ ...SETTINGS, requestRate_perSecond: 0 })).toEqual(["requestRate_perSecond"]);
  });

  it("never ask to wait longer than a minute, or less than a second", async () => {
    const limits = limitsWith({ requestRate_perSecond: 0.001, requestBurst: 1 });
    limits.takeRequest(principal());
    expect(refusal(() => limits.takeRequest(principal())).retryAfter_s).toBe(60);
    const quick = limitsWith({ requestRate_perSecond: 100, requestBurst: 1 });
    quick.takeRequest(principal());
    expect(refusal(() => quick.takeRequest(principal()))).toMatchObject({ retryAfter_s: 1, retryAfter_ms: 10 });
  });

  it.each([
    ["input_tokens", { input: 1_000, output: 0 }, { input: 1, output: 0 }],
    ["output_tokens", { input: 0, output: 500 }, { input: 0, output: 1 }],
  ])("count %s", (name, all, more) => {
    const limits = limitsWith();
    limits.takeTokens(principal(), all);
    expect(refusal(() => limits.takeTokens(principal(), more)).message).toContain(`${name} rate limit exceeded — retry after`);
  });

  it("throttle a request larger than the burst, and do not refuse it for ever", async () => {
    const limits = limitsWith();
    limits.takeTokens(principal(), { input: 1_000_000, output: 0 });
    refusal(() => limits.takeTokens(principal(), { input: 1_000_000, output: 0 }));
    await clock.advance(10_000);
    limits.takeTokens(principal(), { input: 1_000_000, output: 0 });
  });

  it("take nothing of one bucket when another refuses", () => {
    const limits = limitsWith();
    limits.takeTokens(principal(), { input: 0, output: 500 });
    refusal(() => limits.takeTokens(principal(), { input: 900, output: 1 }));
    limits.takeTokens(principal(), { input: 1_000, output: 0 });
  });

  it("give back all of a request that came to nothing, once", () => {
    const limits = limitsWith();
    const taken = limits.takeTokens(principal(), { input: 1_000, output: 500 });
    taken.giveBack();
    taken.giveBack();
    taken.settle(0);
    const { headers } = limits.takeTokens(principal(), { input: 1_000, output: 500 });
    expect(headers).toMatchObject({ "x-ratelimit-remaining-input-tokens": "0", "x-ratelimit-remaining-output-tokens": "0" });
  });

  it("give back the output that was not made", () => {
    const limits = limitsWith();
    limits.takeTokens(principal(), { input: 0, output: 500 }).settle(100);
    const { headers } = limits.takeTokens(principal(), { input: 0, output: 0 });
    expect(headers["x-ratelimit-remaining-output-tokens"]).toBe("400");
  });

  it("tell clients that know one sort of tokens of the one of which less is left", () => {
    const limits = limitsWith();
    const { headers } = limits.takeTokens(principal(), { input: 100, output: 100 });
    expect(headers).toMatchObject({
      "x-ratelimit-remaining-input-tokens": "900",
      "x-ratelimit-remaining-output-tokens": "400",
      "x-ratelimit-limit-tokens": "600",
      "x-ratelimit-remaining-tokens": "400",
      "x-ratelimit-reset-tokens": "10s",
    });
    expect(limits.takeTokens(principal(), { input: 900, output: 0 }).headers).toMatchObject({ "x-ratelimit-remaining-tokens": "0" });
  });

  describe("of a key", () => {
    it("come first and are its own", () => {
      const limits = limitsWith({ requestBurst: 10 });
      const limited = principal("alice", { rpmLimit: 1 });
      limits.takeRequest(limited);
      expect(refusal(() => limits.takeRequest(limited)).message).toBe("API key request rate limit exceeded — retry after 60s");
      limits.takeRequest(principal("alice", { id: "key_2", rpmLimit: 1 }));
      limits.takeRequest(principal("alice"));
    });

    it("cost the key nothing when the account refuses", () => {
      const limits = limitsWith({ requestBurst: 1 });
      const limited = principal("alice", { rpmLimit: 2 });
      limits.takeRequest(principal("alice"));
      expect(refusal(() => limits.takeRequest(limited)).message).toContain("too many requests");
      const other = createRateLimits({ clock, settings: { ...SETTINGS, requestBurst: 10 } });
      other.takeRequest(limited);
      other.takeRequest(limited);
    });

    it("count tokens by dimension", () => {
      const limits = limitsWith();
      const limited = principal("alice", { itpmLimit: 100, otpmLimit: 50 });
      limits.takeTokens(limited, { input: 100, output: 50 });
      expect(refusal(() => limits.takeTokens(limited, { input: 1, output: 0 })).message).toContain("API key input_tokens rate limit");
      expect(refusal(() => limits.takeTokens(limited, { input: 0, output: 1 })).message).toContain("API key output_tokens rate limit");
    });

    it("follow a change of the limit, with what is in the bucket kept", () => {
      const limits = limitsWith({ requestBurst: 100 });
      for (let count = 0; count < 5; count++) limits.takeRequest(principal("alice", { rpmLimit: 10 }));
      for (let count = 0; count < 2; count++) limits.takeRequest(principal("alice", { rpmLimit: 2 }));
      refusal(() => limits.takeRequest(principal("alice", { rpmLimit: 2 })));
    });
  });

  it("let no more pass of 200 at once than the buckets hold", async () => {
    const limits = limitsWith({ requestBurst: 37 });
    const passed = await Promise.all(
      Array.from({ length: 200 }, async () => {
        await Promise.resolve();
        try {
          limits.takeRequest(principal());
          return 1;
        } catch {
          return 0;
        }
      }),
    );
    expect(passed.reduce<number>((sum, one) => sum + one, 0)).toBe(37);
  });

  it("never hold more than the burst, nor lose what was not used, in any order of events", () => {
    const step = fc.oneof(
      fc.record({ take: fc.nat({ max: 700 }) }),
      fc.record({ settle: fc.nat({ max: 9 }), made: fc.nat({ max: 700 }) }),
      fc.record({ giveBack: fc.nat({ max: 9 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const limits = limitsWith();
        const open: { taken: ReturnType<typeof limits.takeTokens>; output: number }[] = [];
        let left = SETTINGS.outputTokensBurst;
        for (const one of steps) {
          if ("take" in one) {
            const output = Math.min(one.take, SETTINGS.outputTokensBurst);
            try {
              open.push({ taken: limits.takeTokens(principal(), { input: 0, output: one.take }), output });
              left -= output;
            } catch {
              expect(left).toBeLessThan(output);
            }
            continue;
          }
          const [ended] = open.splice("settle" in one ? one.settle : one.giveBack, 1);
          if (ended === undefined) continue;
          if ("settle" in one) {
            ended.taken.settle(one.made);
            left += Math.max(0, ended.output - one.made);
          } else {
            ended.taken.giveBack();
            left += ended.output;
          }
        }
        const { headers } = limits.takeTokens(principal(), { input: 0, output: 0 });
        expect(headers["x-ratelimit-remaining-output-tokens"]).toBe(String(left));
      }),
    );
  });
});
