import { describe, expect, it } from "vitest";
import type { PolicyName } from "./policies.js";
import { parseScenario, type Scenario } from "./scenario.js";
import { simulate } from "./simulate.js";

const LAPTOP = {
  name: "laptop",
  decode_tps: { kind: "log_uniform", min: 20, max: 100 },
  memory_gb: 32,
  builds_carried: 2,
  builds_resident: 1,
};

/** Two minutes of a dozen machines, unless told otherwise. */
function scenario(change: Record<string, unknown> = {}): Scenario {
  const parsed = parseScenario({
    name: "test",
    duration_s: 120,
    fleet: { providers: 12, classes: [LAPTOP] },
    builds: { count: 2, size_gb: 2 },
    traffic: { rate_per_s: 2, prompt_tokens: 200, max_tokens: 100 },
    ...change,
  });
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return parsed.scenario;
}

function run(of: Scenario, policy: PolicyName = "ours") {
  return simulate(of, { policy }).figures;
}

describe("a simulation", () => {
  it("comes out the same to the last decision for the same seed, and otherwise for another", () => {
    const first = simulate(scenario(), { policy: "ours" });
    expect(simulate(scenario(), { policy: "ours" })).toEqual(first);
    expect(run(scenario({ seed: 2 })).digest).not.toBe(first.figures.digest);
  });

  it("brings every policy the same requests", () => {
    const counts = (["ours", "least-pending", "round-robin", "random"] as const).map((policy) => run(scenario(), policy).requests);
    expect(new Set(counts).size).toBe(1);
    expect(counts[0]).toBeGreaterThan(180);
  });

  it("answers everything on a fleet that is well and has room", () => {
    const figures = run(scenario());
    expect(figures).toMatchObject({ completed: figures.requests, refused: 0, brokenOff: 0, retries: 0 });
    expect(figures.ttft_ms.p50).toBeLessThan(1_000);
  });

  it("refuses with a reason what is too much, and ends every request", () => {
    const figures = run(
      scenario({ traffic: { rate_per_s: 60, prompt_tokens: 2_000, max_tokens: 1_000 }, coordinator: { queue_wait_s: 5 } }),
    );
    expect(figures.refused).toBeGreaterThan(100);
    expect(figures.completed + figures.refused + figures.brokenOff).toBe(figures.requests);
    expect(Object.values(figures.refusals).reduce((sum, count) => sum + count, 0)).toBe(figures.refused);
  });

  it("tries elsewhere what a failing machine refuses, so that no consumer notices", () => {
    const figures = run(scenario({ faults: [{ kind: "failing", share: 0.3, chance: 1 }] }));
    expect(figures.attemptFailures.internal).toBeGreaterThan(0);
    expect(figures.completed).toBe(figures.requests);
  });

  it("loses what a crashed machine was writing, and serves on", () => {
    const figures = run(scenario({ faults: [{ kind: "crash", share: 1, every_s: 30, restart_s: 5 }] }));
    expect(figures.attemptFailures.disconnected).toBeGreaterThan(0);
    expect(figures.completed + figures.refused + figures.brokenOff).toBe(figures.requests);
    expect(figures.completed / figures.requests).toBeGreaterThan(0.8);
  });

  it("asks a second machine where the first stalls", () => {
    const faults = [{ kind: "stall_after_accept", share: 1, chance: 0.05, stall_s: 20 }];
    const hedging = run(scenario({ faults, duration_s: 300 }));
    const alone = run(scenario({ faults, duration_s: 300 }), "ours-no-hedging");
    expect(hedging.hedgesWon).toBeGreaterThan(0);
    expect(alone.hedges).toBe(0);
    // Of one request in a hundred there are six, which a budget of one in twenty may leave out.
    expect(hedging.ttft_ms.mean).toBeLessThan(0.8 * alone.ttft_ms.mean);
  });

  it("outlives every other fault", () => {
    const faults = [
      { kind: "flapping", share: 0.2, every_s: 20 },
      { kind: "stall_after_preamble", share: 0.2, chance: 0.5, stall_s: 3 },
      { kind: "slow_decode", share: 0.2, factor: 10 },
      { kind: "oom_on_load", share: 0.2 },
      { kind: "lying_capacity", share: 0.2 },
      { kind: "template_crash", version: "2.0.0" },
    ];
    const fleet = { providers: 20, classes: [LAPTOP], versions: [{ version: "1.0.0" }, { version: "2.0.0" }], heartbeat: { loss: 0.2 } };
    const figures = run(scenario({ faults, fleet, traffic: { rate_per_s: 4, prompt_tokens: 200, max_tokens: 100, tools_share: 0.5 } }));
    expect(figures.attemptFailures.template_render).toBeGreaterThan(0);
    expect(figures.completed + figures.refused + figures.brokenOff).toBe(figures.requests);
    expect(figures.completed / figures.requests).toBeGreaterThan(0.9);
  });

  it("lets consumers go who leave, and frees what they held", () => {
    const traffic = {
      rate_per_s: 2,
      prompt_tokens: 200,
      max_tokens: 400,
      leaving: { share: 0.5, after_s: { kind: "uniform", min: 0.1, max: 4 } },
    };
    const figures = run(scenario({ traffic }));
    expect(figures.left).toBeGreaterThan(20);
    expect(figures.completed + figures.left).toBe(figures.requests);
    expect(figures).toMatchObject({ refused: 0, brokenOff: 0, attemptFailures: {} });
  });

  it("keeps owners' requests on their own machines where they ask for nothing else, and others' where they cannot be served", () => {
    const traffic = { rate_per_s: 4, prompt_tokens: 1_000, max_tokens: 500 };
    const self = run(scenario({ duration_s: 40, traffic: { ...traffic, owners: { share: 1, route: "self" } } }));
    const prefer = run(scenario({ duration_s: 40, traffic: { ...traffic, owners: { share: 1 } } }));
    expect(self.hedges).toBe(0);
    expect(self.completed + self.refused + self.brokenOff).toBe(self.requests);
    expect(prefer.ttft_ms.p99).toBeLessThan(self.ttft_ms.p99);
  });

  it("bears machines whose clocks run fast", () => {
    const figures = run(scenario({ faults: [{ kind: "clock_skew", share: 0.3, rate: 3 }] }));
    expect(figures).toMatchObject({ completed: figures.requests, refused: 0 });
  });

  it("finds the prefix of a conversation on the machine that holds it", () => {
    const traffic = { rate_per_s: 2, prompt_tokens: 400, max_tokens: 100, conversations: { share: 1, turns: 5, think_s: 8 } };
    expect(run(scenario({ traffic })).prefixHitShare).toBeGreaterThan(1.5 * run(scenario({ traffic }), "random").prefixHitShare);
  });

  it("replays a recorded trace", () => {
    const trace = [
      { timestamp: 1, build: "oak", prompt: 100, max: 50, output: 20, tools: false, vision: false, account: "a" },
      { timestamp: 0.5, build: "elm", prompt: 100, max: 50, tools: true, vision: false, account: "b" },
    ];
    expect(simulate(scenario(), { policy: "ours", trace }).figures).toMatchObject({ requests: 2, completed: 2 });
  });
});

/** routing.md §23: seventy warm idle machines at about 25 tokens a second, and the limit of 5 s plus 1 ms a prompt token. */
describe("calibration", () => {
  const anchor = (prompt_tokens: number, prefill_per_decode: number, ttft_gate: "soft" | "hard") => {
    const machine = { ...LAPTOP, decode_tps: { kind: "uniform", min: 23, max: 27 }, prefill_per_decode, builds_carried: 1, concurrency: 8 };
    const fleet = { providers: 70, classes: [machine] };
    const traffic = { rate_per_s: 0.5, prompt_tokens, max_tokens: 50 };
    const { requests, completed } = run(scenario({ fleet, traffic, builds: { count: 1, size_gb: 4 }, coordinator: { ttft_gate } }));
    return completed / requests;
  };

  it("serves up to about 600 tokens where prompts are read four times as fast as answers are written", () => {
    expect(anchor(550, 4, "hard")).toBe(1);
    expect(anchor(650, 4, "hard")).toBe(0);
  });

  it("serves up to about 2,400 tokens where they are read twelve times as fast", () => {
    expect(anchor(2_200, 12, "hard")).toBe(1);
    expect(anchor(2_600, 12, "hard")).toBe(0);
  });

  it("serves all where the limit is soft", () => {
    expect(anchor(650, 4, "soft")).toBe(1);
    expect(anchor(2_600, 12, "soft")).toBe(1);
  });
});
