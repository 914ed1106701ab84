import { describe, expect, it } from "vitest";
import { BUILD, PLAIN_COST_PROFILE, providerView, requestSpec, routingContext, slots, slotView } from "../testing/fixtures.js";
import type { CandidateCost, ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { itemisedCost } from "./index.js";
import { measure } from "./measure.js";
import { changedCostProfile, costProfileOf, DEFAULT_COST_PROFILE } from "./profile.js";

function cost(
  provider: Partial<ProviderView> = {},
  spec: Partial<RequestSpec> = {},
  context: Partial<RoutingContext> = {},
): Readonly<Record<string, number | undefined>> & Pick<CandidateCost, "ttft_ms" | "total_ms"> {
  const routing = routingContext(context);
  const request = requestSpec(spec);
  const { terms, ttft_ms, total_ms } = itemisedCost(measure(providerView(provider), request, routing), costProfileOf(routing), request);
  return { ...terms, ttft_ms, total_ms };
}
const slot = (change: Parameters<typeof slotView>[0]) => ({ slots: slots(slotView(change)) });
const placed = (requests: number, tokens: number, build = BUILD) => ({
  pending: new Map([[build, { requests, tokens }]]),
  pendingTotal: requests,
});

describe("coefficients that differ from the built-in ones", () => {
  it("say so in their version, and are the built-in ones where none does", () => {
    const { version, coldLoad_ms } = DEFAULT_COST_PROFILE;
    expect(changedCostProfile({ coldLoad_ms })).toBe(DEFAULT_COST_PROFILE);
    expect(changedCostProfile({ nearTie_ms: 50, coldLoad_ms: 12_000 })).toEqual({
      ...DEFAULT_COST_PROFILE,
      ...{ nearTie_ms: 50, coldLoad_ms: 12_000, version: `${version} coldLoad_ms=12000 nearTie_ms=50` },
    });
  });
});

describe("the cost of an idle machine", () => {
  it("is reading the prompt and writing the longest answer", () => {
    // 100 tokens at 1,000 tok/s and 100 at 50 tok/s.
    expect(cost()).toMatchObject({ state: 0, queue: 0, pending: 0, backlog: 0, prefill: 100, decode: 2000, health: 0, total_ms: 2100 });
  });
});

describe("state", () => {
  it.each([
    ["running", 0],
    ["idle", 0],
    ["idle_shutdown", 20_000],
    ["unknown", 30_000],
  ] as const)("of a slot that is %s costs %d ms", (state, expected_ms) => {
    expect(cost(slot({ state }))["state"]).toBe(expected_ms);
  });

  it("costs 30 s where no slot or no report exists", () => {
    expect(cost({ slots: slots() })["state"]).toBe(30_000);
    expect(cost({ slots: undefined })["state"]).toBe(30_000);
  });

  it("is the measured load time, within 2 and 180 s: the slot's own, else the fleet's", () => {
    expect(cost(slot({ state: "idle_shutdown", modelLoad_ms: 5_000 }))["state"]).toBe(5_000);
    expect(cost(slot({ state: "unknown", modelLoad_ms: 1 }))["state"]).toBe(2_000);
    expect(cost(slot({ state: "unknown", modelLoad_ms: 900_000 }))["state"]).toBe(180_000);
    expect(cost({ slots: slots() }, {}, { rates: { decode_tps: () => 0, load_ms: () => 7_000 } })["state"]).toBe(7_000);
  });
});

describe("queue and pending", () => {
  it("count the slot's report or the coordinator's own placements, whichever is more", () => {
    expect(cost(slot({ running: 2, waiting: 1 }))["queue"]).toBe(9_000);
    expect(cost({ ...slot({ running: 1 }), ...placed(4, 0) })["queue"]).toBe(12_000);
  });

  it("charge 750 ms for each request on the machine, whatever its build", () => {
    expect(cost(placed(2, 0, "another-build"))).toMatchObject({ queue: 0, pending: 1500 });
  });
});

describe("backlog", () => {
  it("is the budget in use, at this machine's decode rate", () => {
    expect(cost(slot({ tokenBudgetUsed: 500 }))["backlog"]).toBe(10_000);
  });

  it("is reckoned from active and waiting requests, or placements, where no budget is reported", () => {
    expect(cost(slot({ tokenBudgetMax: 0, activeTokens: 300, waiting: 2 }))["backlog"]).toBe(10_000);
    expect(cost({ ...slot({ tokenBudgetMax: 0 }), ...placed(1, 250) })["backlog"]).toBe(5_000);
    expect(cost({ slots: slots(), staticDecode_tps: 50, ...placed(1, 250) })["backlog"]).toBe(5_000);
  });
});

describe("decode rate", () => {
  const rates = {
    decode_tps: (build: string, computeClass: string) => (build === BUILD && computeClass === "cpu-avx2" ? 25 : 0),
    load_ms: () => 0,
  };
  const unmeasured = slotView({ observedDecode_tps: 0 });

  it("is the machine's measurement, else the fleet's median for its class, else its benchmark slowed by what runs, else 1", () => {
    expect(cost({}, {}, { rates })["decode"]).toBe(2_000);
    expect(cost({ slots: slots(unmeasured) }, {}, { rates })["decode"]).toBe(4_000);
    expect(cost({ slots: slots(unmeasured), computeClass: "other" }, {}, { rates })["decode"]).toBe(1_000);
    expect(cost({ slots: slots({ ...unmeasured, running: 1 }) })["decode"]).toBeCloseTo(1_270);
    expect(cost({ slots: slots(unmeasured), staticDecode_tps: 0 })["decode"]).toBe(100_000);
    // By the square root of the memory's bandwidth; and by what a token reads, where the catalogue says how much that is.
    const unbenchmarked = { slots: slots(unmeasured), staticDecode_tps: 0, memoryBandwidth_gbs: 25 };
    expect(cost(unbenchmarked)["decode"]).toBe(20_000);
    const memory = { resident_bytes: 1e9, minRam_gb: 1, minVram_gb: 1 };
    expect(cost(unbenchmarked, { memory })["decode"]).toBe(5_000);
    expect(cost(unbenchmarked, { memory: { ...memory, active_bytes: 2e8 } })["decode"]).toBe(1_000);
  });

  it("as projected, undoes the load at which it was measured and adds this request", () => {
    const projected = (change: Partial<ProviderView>) => measure(providerView(change), requestSpec(), routingContext()).projectedDecode_tps;
    expect(projected({})).toBeCloseTo(50 / 1.27);
    expect(projected(slot({ running: 1 }))).toBeCloseTo((50 * 1.27) / 1.54);
    expect(projected({ slots: slots(unmeasured) })).toBeCloseTo(100 / 1.27);
  });
});

describe("prefill rate", () => {
  it("is the measurement, else the benchmark, else twelve times the decode benchmark", () => {
    const unmeasured = slot({ observedPrefill_tps: 0 });
    expect(cost()["prefill"]).toBe(100);
    expect(cost(unmeasured)["prefill"]).toBe(50);
    expect(cost({ ...unmeasured, staticPrefill_tps: 0 })["prefill"]).toBeCloseTo(100_000 / 1200);
    expect(cost({ ...unmeasured, staticPrefill_tps: 0, staticDecode_tps: 0 })["prefill"]).toBeCloseTo(100_000 / 12);
  });

  it("never passes the ceiling on what machines may say of themselves", () => {
    expect(cost(slot({ observedPrefill_tps: 1e9 }))["prefill"]).toBe(100_000 / PLAIN_COST_PROFILE.prefill_tps_max);
  });
});

describe("long prompts", () => {
  const costProfile = { ...PLAIN_COST_PROFILE, version: "test", longPrompt_tokens: 1000 };

  it("weigh nothing extra by default, nor under the threshold", () => {
    expect(cost({}, { promptTokens: 1_000_000 })["long_prompt"]).toBe(0);
    expect(cost({}, { promptTokens: 999 }, { costProfile })["long_prompt"]).toBe(0);
  });

  it("count reading and loading once more from the threshold on", () => {
    expect(cost({}, { promptTokens: 1000 }, { costProfile })["long_prompt"]).toBe(1000);
    expect(cost(slot({ state: "unknown" }), { promptTokens: 1000 }, { costProfile })["long_prompt"]).toBe(31_000);
    expect(cost({}, { promptTokens: 1000 }, { costProfile: { ...costProfile, longPromptWeight: 0.5 } })["long_prompt"]).toBe(0);
  });
});

describe("health", () => {
  it("adds up pressure, load and heat", () => {
    expect(cost({ memoryPressure: 0.5, cpuUsage: 1, thermal: "fair" })["health"]).toBe(2_000 + 1_500 + 2_000);
    expect(cost({ thermal: "serious" })["health"]).toBe(8_000);
    expect(cost({ thermal: "critical" })["health"]).toBe(8_000);
  });
});

describe("reliability", () => {
  it("charges what a machine has failed of its work, as far as that is sure", () => {
    expect(cost()["reliability"]).toBe(0);
    expect(cost({ reliability: 0.75 })["reliability"]).toBe(2_000);
  });
});

describe("release", () => {
  it("charges 15 s while the machine's release fails on many", () => {
    expect(cost()["release"]).toBe(0);
    expect(cost({ suspectRelease: true })["release"]).toBe(15_000);
  });
});

describe("unread prompts", () => {
  const unread = (unread_tokens: number) => ({ pending: new Map([[BUILD, { requests: 1, tokens: 0, unread_tokens }]]), pendingTotal: 1 });

  it("cost the time in which they are read, which comes before this one's first token", () => {
    expect(cost(unread(4_000))).toMatchObject({ unread: 4_000, ttft_ms: 4_000 + 100 + 20 });
  });

  it("count whatever their build, since a machine reads one prompt at a time", () => {
    const pending = new Map([["another-build", { requests: 2, tokens: 0, unread_tokens: 500 }]]);
    expect(cost({ pending, pendingTotal: 2 })).toMatchObject({ unread: 500, ttft_ms: 620 });
  });

  it("are guessed to be like this one where the machine reports more waiting than was placed on it", () => {
    expect(cost(slot({ waiting: 3 }))["ttft_ms"]).toBe(420);
  });
});

describe("affinity", () => {
  const held = (matched_tokens: number, machineId = "machine-of-session-1") => ({ affinity: { machineId, matched_tokens } });

  it("discounts what the machine that holds the prompt's beginning need not read, and expects its first token sooner", () => {
    expect(cost({}, held(80))).toMatchObject({ prefill: 100, affinity: -80, total_ms: 2_020, ttft_ms: 40 });
    expect(cost({}, held(5_000))).toMatchObject({ affinity: -100, total_ms: 2_000, ttft_ms: 20 });
    expect(cost({}, held(80, "machine-of-session-2"))).toMatchObject({ affinity: -0, ttft_ms: 120 });
  });

  it("discounts nothing for what is read in no time, nor where the build has left memory", () => {
    expect(cost({}, held(49))["affinity"]).toBe(-0);
    expect(cost(slot({ state: "idle_shutdown" }), held(80))["affinity"]).toBe(-0);
  });

  it("discounts at most 10 s, and nothing when that is set to 0", () => {
    const long = { promptTokens: 30_000, ...held(30_000) };
    expect(cost({}, long)["affinity"]).toBe(-10_000);
    expect(cost({}, long, { costProfile: { ...PLAIN_COST_PROFILE, affinity_ms_max: 0 } })).toMatchObject({
      affinity: -0,
      ttft_ms: 30_020,
    });
  });
});

describe("time to first token", () => {
  it("is loading, reading what waits and this prompt, and one token", () => {
    expect(cost().ttft_ms).toBe(100 + 20);
    expect(cost(slot({ state: "idle_shutdown" })).ttft_ms).toBe(20_000 + 100 + 20);
    expect(cost(slot({ running: 3, waiting: 2 })).ttft_ms).toBe(300 + 20);
    expect(cost({ ...slot({ running: 1, waiting: 1 }), ...placed(4, 0) }).ttft_ms).toBe(400 + 20);
  });

  it("does not count tokens that are reserved for decoding", () => {
    expect(cost(slot({ tokenBudgetUsed: 90_000 })).ttft_ms).toBe(120);
  });

  it("is unknown while the machine has not reported capacity", () => {
    expect(cost({ slots: undefined }).ttft_ms).toBeUndefined();
  });
});
