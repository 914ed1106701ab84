import { describe, expect, it } from "vitest";
import { measure } from "./cost/measure.js";

import { type Candidate, pick } from "./pick.js";
import { seededRandom } from "./random.js";
import { PLAIN_COST_PROFILE, providerView, requestSpec, routingContext, slots, slotView } from "./testing/fixtures.js";
import type { ProviderView, RequestSpec } from "./types.js";

const candidate = (id: string, total_ms: number, change: Partial<ProviderView> = {}): Candidate => ({
  measured: measure(providerView({ id, ...change }), requestSpec(), routingContext()),
  total_ms,
});
const running = (count: number) => ({ slots: slots(slotView({ running: count, observedDecode_tps: 200 })) });
const never = () => {
  throw new Error("the dice were not needed");
};
const winner = (candidates: Candidate[], spec: Partial<RequestSpec> = {}, random: () => number = never) =>
  pick(candidates, requestSpec(spec), PLAIN_COST_PROFILE, random)?.candidate.measured.provider.id;

describe("the pick", () => {
  it("is nobody among none", () => {
    expect(pick([], requestSpec(), PLAIN_COST_PROFILE, never)).toBeUndefined();
  });

  it("is the cheapest when the others are more than 3 s dearer", () => {
    expect(winner([candidate("dear", 8_001), candidate("cheap", 5_000, running(3))])).toBe("cheap");
  });

  it("is the least busy among near-ties, not the cheapest", () => {
    expect(winner([candidate("cheap", 5_000, running(3)), candidate("idle", 8_000, running(0))])).toBe("idle");
  });

  it("is the machine with the least work in all among those with equally many ahead", () => {
    expect(winner([candidate("loaded", 0, { pendingTotal: 2 }), candidate("free", 10, { pendingTotal: 1 })])).toBe("free");
  });

  it("falls to the dice among equals, and records them", () => {
    const equals = ["a", "b", "c"].map((id) => candidate(id, 100));
    const at = (draw: number) => pick(equals, requestSpec(), PLAIN_COST_PROFILE, () => draw);
    expect(at(0)).toMatchObject({ candidate: equals[0], tied: 3, draw: 0 });
    expect(at(0.34)?.candidate).toBe(equals[1]);
    expect(at(0.999)?.candidate).toBe(equals[2]);
  });

  it("spreads equals evenly", () => {
    const equals = ["a", "b", "c", "d"].map((id) => candidate(id, 100));
    const random = seededRandom(3);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 4000; i++) {
      const id = winner(equals, {}, random) ?? "none";
      counts[id] = (counts[id] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(["a", "b", "c", "d"]);
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(900);
  });

  it("is the holder of the consumer's prefix if near-tied, however busy", () => {
    const holder = (total_ms: number, matched_tokens: number): Candidate => {
      const spec = requestSpec({ affinity: { machineId: "machine-of-holder", matched_tokens } });
      return { measured: measure(providerView({ id: "holder", ...running(5) }), spec, routingContext()), total_ms };
    };
    expect(winner([candidate("idle", 0), holder(3_000, 100)])).toBe("holder");
    expect(winner([candidate("idle", 0), holder(3_001, 100)])).toBe("idle");
    // Reading 10 tokens again takes 10 ms.
    expect(winner([candidate("idle", 0), holder(0, 10)])).toBe("idle");
  });

  it("is always the same among equals for prompts with one beginning, as long as that machine is there", () => {
    const equals = ["a", "b", "c", "d", "e"].map((id) => candidate(id, 100));
    const placed = (pool: Candidate[], placement: string, promptTokens = 100) =>
      winner(pool, { promptTokens, affinity: { machineId: undefined, matched_tokens: 0, placement } }, () => 0.999);
    const homes = Array.from({ length: 40 }, (_, prefix) => placed(equals, `prefix ${prefix}`));
    expect(new Set(homes).size).toBe(5);
    for (const [prefix, home] of homes.entries()) {
      const others = equals.filter(({ measured }) => measured.provider.id !== (home === "a" ? "b" : "a"));
      expect(placed(others.reverse(), `prefix ${prefix}`)).toBe(home);
    }
    // Not for a prompt that is read in no time.
    expect(placed(equals, "prefix 1", 10)).toBe("e");
  });
});

describe("preferences", () => {
  const own = (id: string, total_ms: number) => candidate(id, total_ms, { accountId: "account-consumer" });

  it("take the caller's own machine at any cost when the request prefers it", () => {
    expect(winner([candidate("other", 0), own("own", 90_000)], { route: "prefer" })).toBe("own");
    expect(winner([candidate("other", 0), own("own", 90_000)])).toBe("other");
    expect(winner([candidate("other", 0)], { route: "prefer" })).toBe("other");
  });

  it("avoid the version that failed while another is there", () => {
    const bad = candidate("bad", 0, { version: "1.2.0" });
    const good = candidate("good", 90_000, { version: "1.1.0" });
    expect(winner([bad, good], { avoidVersion: "1.2.0" })).toBe("good");
    expect(winner([bad], { avoidVersion: "1.2.0" })).toBe("bad");
  });

  it("avoid machines that would write slower than 15 tok/s while a faster one is there", () => {
    const slow = candidate("slow", 0, { slots: slots(slotView({ observedDecode_tps: 19 })) });
    const fast = candidate("fast", 90_000, { slots: slots(slotView({ observedDecode_tps: 20 })) });
    expect(winner([slow, fast])).toBe("fast");
    expect(winner([slow])).toBe("slow");
  });
});
