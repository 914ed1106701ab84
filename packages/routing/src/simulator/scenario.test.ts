import { describe, expect, it } from "vitest";
import { parseScenario, SCENARIO_LIMITS } from "./scenario.js";

const LEAST = {
  name: "least",
  duration_s: 10,
  fleet: { providers: 1, classes: [{ name: "any", decode_tps: 50, memory_gb: 16 }] },
  builds: { count: 1 },
  traffic: { rate_per_s: 1 },
};

function problems(change: Record<string, unknown>): readonly string[] {
  const parsed = parseScenario({ ...LEAST, ...change });
  return parsed.ok ? [] : parsed.problems;
}

describe("a scenario file", () => {
  it("needs little, and has a value for everything else", () => {
    const parsed = parseScenario(LEAST);
    expect(parsed.ok && parsed.scenario).toMatchObject({
      seed: 1,
      warmup_s: 0,
      faults: [],
      coordinator: { hedging: true, queue_wait_s: 120 },
    });
  });

  it.each([
    [{ fleet: { ...LEAST.fleet, providers: 0 } }, /^fleet\.providers: /],
    [{ fleet: { ...LEAST.fleet, providers: SCENARIO_LIMITS.providers_max + 1 } }, /^fleet\.providers: /],
    [
      { fleet: { providers: 1, classes: [{ name: "any", memory_gb: 16, decode_tps: { kind: "gauss" } }] } },
      /^fleet\.classes\[0\]\.decode_tps/,
    ],
    [{ trafic: {} }, /trafic/],
    [{ warmup_s: 10 }, /^warmup_s: /],
    [{ traffic: { rate_per_s: 50_000 }, duration_s: 86_400 }, /^traffic\.rate_per_s: /],
    [{ faults: [{ kind: "failing" }] }, /^faults\[0\]\.share: /],
    [{ faults: [{ kind: "template_crash", version: "9.9.9" }] }, /^faults\[0\]\.version: /],
  ])("is refused with the place of what is wrong: %j", (change, words) => {
    expect(problems(change)).toEqual([expect.stringMatching(words)]);
  });
});
