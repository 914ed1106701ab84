import { createFakeClock } from "@umbel/protocol/testing";
import { DEFAULT_COST_PROFILE, type Decision } from "@umbel/routing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDecisions, createLogger, createMetrics, type DecisionStore, type RequestFacts } from "../../insight/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { createDecisionStore } from "./decision-store.js";

const NOBODY: Decision = {
  winner: undefined,
  considered: 2,
  candidates: 0,
  refusals: { concurrency: 2 },
  bestTtft_ms: undefined,
  costProfile: "test",
  draw: undefined,
  failedOpen: false,
};

const FACTS: RequestFacts = {
  requestId: "job",
  clientRequestId: "client",
  accountId: "alice",
  keyId: undefined,
  surface: "/v1/chat/completions",
  publicModel: "sprout",
  build: "sprout-3m",
  shape: { prompt_tokens: 10, max_output_tokens: 20, choices: 1, tools: false, vision: false, stream: true, route: "public" },
};

describe("records of decisions", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.close());

  function start(change: Partial<DecisionStore> = {}) {
    const clock = createFakeClock();
    const metrics = createMetrics();
    const decisions = createDecisions({
      store: { ...createDecisionStore(database.store), ...change },
      clock,
      metrics,
      log: createLogger({ level: "silent" }),
      settings: { decisionRetention_days: 30, decisionSample: 1 },
      costProfile: DEFAULT_COST_PROFILE,
      random: () => 0,
      secret: new Uint8Array(32),
      viewOf: () => undefined,
      viewsOf: () => [],
      publicId: () => "mach_0",
    });
    return { decisions, clock, metrics };
  }

  it("keep one row for an attempt that waited in line, and what came of it", async () => {
    const { decisions, clock } = start();
    decisions.begin(FACTS);
    decisions.record({ requestId: "job", attempt: 0, at: clock.date(), build: FACTS.build, decision: NOBODY });
    decisions.record({ requestId: "job", attempt: 0, at: clock.date(), build: FACTS.build, decision: { ...NOBODY, considered: 3 } });
    expect(await decisions.ofRequest("client")).toMatchObject([
      { outcome: "queued", waited: true, decision: { considered: 3 }, finalStatus: null },
    ]);
    decisions.ended("job", { finalStatus: "timeout", errorClass: "queue_timeout", cost_microUsd: 7n });
    decisions.ended("job", { finalStatus: "success" });
    expect(await decisions.ofRequest("job", "alice")).toMatchObject([{ finalStatus: "timeout", cost_microUsd: 7n, committed: false }]);
    expect(await decisions.ofRequest("job", "bob")).toEqual([]);
  });

  it("hold no account's name", async () => {
    const rows = await database.store.client`select d::text as everything from decisions d`;
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain("alice");
  });

  it("go after 30 days, a day at a time", async () => {
    const { decisions, clock } = start();
    const beginning = clock.date();
    decisions.begin({ ...FACTS, requestId: "old" });
    decisions.record({ requestId: "old", attempt: 0, at: beginning, build: FACTS.build, decision: NOBODY });
    await decisions.close();
    await clock.advance(30 * 24 * 3_600_000);
    await decisions.sweep();
    expect(await decisions.ofRequest("old")).toHaveLength(1);
    await clock.advance(24 * 3_600_000);
    await decisions.sweep();
    expect(await decisions.ofRequest("old")).toEqual([]);
  });

  it("are counted when they cannot be written, and nobody notices", async () => {
    const { decisions, clock, metrics } = start({ insert: () => Promise.reject(new Error("no database")) });
    decisions.begin({ ...FACTS, requestId: "lost" });
    decisions.record({ requestId: "lost", attempt: 0, at: clock.date(), build: FACTS.build, decision: NOBODY });
    await decisions.close();
    expect(metrics.render()).toContain('umbel_decision_records_total{result="failed"} 1');
    expect(metrics.render()).toContain('umbel_routing_decisions_total{outcome="queued",kind="first"} 1');
  });

  it("count consumers that leave by how far they were", async () => {
    const { decisions, metrics } = start();
    decisions.begin({ ...FACTS, requestId: "left" });
    decisions.ended("left", { finalStatus: "cancelled", clientOutcome: "left" });
    expect(metrics.render()).toContain('phase="before_first_token"} 1');
  });
});
