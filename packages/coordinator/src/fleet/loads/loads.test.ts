import { MANAGED_MODELS_FEATURE } from "@umbel/protocol";
import { WARM_DEFAULTS } from "@umbel/routing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type ProviderClient,
  type ProviderClientOptions,
  readAll,
  reserved,
  sendText,
  startTestFleet,
  TEST_BUILD,
  type TestFleet,
  type TestFleetOptions,
  testModel,
  testSlot,
  testSpec,
} from "../testing/index.js";
import type { FleetAlias, WithdrawnBuild } from "./fleet-catalog.js";
import { PLANS_APART_MS } from "./warm-loop.js";

const named = (name: string, desired: string, previous?: string): FleetAlias => ({
  name,
  desired,
  previous,
  retired: [],
  wave_percent: 100,
});
const OTHER = "other-build";
const HASH = testModel().weight_hash;

describe("loading models over the wire", () => {
  let test: TestFleet;
  const aliases: FleetAlias[] = [];
  const catalog: TestFleetOptions<never>["catalog"] = {
    build: (id) => ([TEST_BUILD, OTHER].includes(id) ? { weightHash: HASH } : undefined),
    aliases: () => [...aliases],
    withdrawn: () => [],
    revision: () => 1,
  };
  beforeEach(async () => {
    aliases.length = 0;
    test = await startTestFleet({ catalog });
  });
  afterEach(() => test.close());

  /** A machine with both builds on disk, that takes loads; none is in memory unless given. */
  const managed = (change: Partial<ProviderClientOptions> = {}): Promise<ProviderClient> =>
    test.connect({ features: [MANAGED_MODELS_FEATURE], models: [testModel(), testModel({ id: OTHER })], slots: [], ...change });

  /** An answer began too late. */
  const pressed = () => test.fleet.noticed({ type: "ttft_miss", build: TEST_BUILD });

  it("tells a machine to load what is asked for, at once, and lets requests in when it has", async () => {
    const provider = await managed();
    pressed();
    await test.clock.advance(1);
    expect(await provider.receive("load_model")).toEqual({ type: "load_model", model_id: TEST_BUILD });
    expect(test.fleet.pendingLoads()).toBe(1);
    expect(test.fleet.couldLoad(testSpec())).toBe(1);
    expect(test.fleet.demand()).toMatchObject([{ build: TEST_BUILD, warmCopies: 0 }]);

    let told = 0;
    test.fleet.onCapacity(TEST_BUILD, () => told++);
    provider.send({ type: "load_model_status", model_id: TEST_BUILD, status: "started" });
    provider.send({ type: "load_model_status", model_id: TEST_BUILD, status: "succeeded" });
    expect(await test.event("load_ended")).toMatchObject({ outcome: "succeeded" });
    expect(test.fleet.pendingLoads()).toBe(0);
    await provider.taken();
    expect(told).toBe(1);
    const decision = test.fleet.preview(testSpec());
    expect(decision.winner?.terms["state"]).toBe(0);
  });

  it("plans no more than once a second, however much presses, and every ten seconds when nothing does", async () => {
    const provider = await managed({ models: [testModel()] });
    for (let i = 0; i < 50; i++) pressed();
    await test.clock.advance(1);
    await provider.receive("load_model");
    provider.send({ type: "load_model_status", model_id: TEST_BUILD, status: "failed", reason: "insufficient_memory" });
    await test.event("load_ended");
    // The pair rests for half a minute.
    for (let i = 0; i < 29; i++) {
      pressed();
      await test.clock.advance(PLANS_APART_MS);
    }
    await provider.taken();
    expect(provider.messages.waiting().filter(({ type }) => type === "load_model").length).toBe(0);
    pressed();
    await test.clock.advance(20_000);
    expect(await provider.receive("load_model")).toMatchObject({ model_id: TEST_BUILD });
  });

  it("lets a machine rest that failed for no reason that passes, for requests too", async () => {
    const provider = await managed();
    pressed();
    await test.clock.advance(1);
    await provider.receive("load_model");
    provider.send({ type: "load_model_status", model_id: TEST_BUILD, status: "failed", reason: "other" });
    await test.event("load_ended");
    expect(test.fleet.preview(testSpec()).refusals).toEqual({ load_cooldown: 1 });
  });

  it("never tells a machine that did not say it takes loads, nor one that serves its owner only", async () => {
    const plain = await managed({ features: [] });
    const own = await managed({ privateOnly: true });
    pressed();
    await test.clock.advance(60_000);
    await Promise.all([plain.taken(), own.taken()]);
    expect([
      plain.messages.waiting().filter(({ type }) => type === "load_model").length,
      own.messages.waiting().filter(({ type }) => type === "load_model").length,
    ]).toEqual([0, 0]);
    expect(test.fleet.couldLoad(testSpec())).toBe(0);
  });

  it("counts a request that a machine has to load for as demand, and what is served as traffic", async () => {
    const provider = await managed({ models: [testModel()] });
    const attempt = reserved(test);
    await test.clock.advance(1);
    expect(test.fleet.demand()).toMatchObject([{ build: TEST_BUILD, comingCopies: 1, pressure: ["requests had to wait for a load"] }]);
    await sendText(attempt, "hello");
    await (await provider.request()).answer("one two three");
    await readAll(attempt);
    attempt.release();
    await test.clock.advance(120_000);
    expect(test.fleet.demand()[0]?.load).toBeGreaterThan(0);
  });

  it("counts a request that finds every place taken, but neither one that no machine could hold nor one for its own machines", async () => {
    const demand = async (change: Parameters<typeof testSpec>[0]) => {
      test.fleet.preview(testSpec(change));
      await test.clock.advance(10_000);
      return test.fleet.demand();
    };
    await test.connect({ slots: [testSlot({ max_concurrency: 1, num_running: 1, state: "running" })] });
    expect(await demand({ maxOutputTokens: 1_000_000 })).toEqual([]);
    expect(await demand({ route: "self" })).toEqual([]);
    expect(await demand({})).toMatchObject([{ pressure: ["requests found every place taken"] }]);
  });

  it("puts away what is not in demand for what is, and says so to the machine", async () => {
    const provider = await managed({ slots: [testSlot({ model: OTHER })] });
    provider.heartbeat([testSlot({ model: OTHER })], { resident_models_max: 1 });
    await provider.taken();
    test.fleet.noticed({ type: "queue", build: TEST_BUILD, depth: 1 });
    await test.clock.advance(1);
    expect(await provider.receive("load_model")).toEqual({ type: "load_model", model_id: TEST_BUILD, evict: [OTHER] });
  });

  it("only observes, or does nothing, when it is told so", async () => {
    for (const warmPool of [
      { isEnabled: false, interval_ms: 10_000, planner: {} },
      { isEnabled: true, interval_ms: 10_000, planner: { ...WARM_DEFAULTS, observeOnly: true } },
    ]) {
      const quiet = await startTestFleet({ catalog, settings: { warmPool } });
      const provider = await quiet.connect({ features: [MANAGED_MODELS_FEATURE], slots: [] });
      quiet.fleet.noticed({ type: "ttft_miss", build: TEST_BUILD });
      await quiet.clock.advance(30_000);
      await provider.taken();
      expect(provider.messages.waiting().filter(({ type }) => type === "load_model").length).toBe(0);
      if (warmPool.isEnabled) expect(await quiet.event("load_planned")).toMatchObject({ isObserveOnly: true });
      await quiet.close();
    }
  });

  it("forgets what a machine was to load when it goes", async () => {
    const provider = await managed();
    pressed();
    await test.clock.advance(1);
    await provider.receive("load_model");
    await provider.close();
    await test.event("disconnected");
    expect(test.fleet.pendingLoads()).toBe(0);
  });
});

describe("what machines offer", () => {
  let test: TestFleet;
  let aliases: FleetAlias[] = [];
  const withdrawn: WithdrawnBuild[] = [];
  const catalog: TestFleetOptions<never>["catalog"] = {
    build: (id) => (id === "unknown" ? undefined : { weightHash: HASH }),
    aliases: () => aliases,
    withdrawn: () => withdrawn,
    revision: () => 7,
  };
  beforeEach(async () => {
    aliases = [];
    test = await startTestFleet({ catalog });
  });
  afterEach(() => test.close());

  const offering = (build: string) => [...test.fleet.viewsOf(build)].length;

  it("changes with what they say, if the catalogue has it so; and one that offers what a name now stands for is taken off the former", async () => {
    aliases = [named("plant", "new", "old")];
    const provider = await test.connect({ models: [testModel({ id: "old" }), testModel({ id: "kept" })] });
    provider.send({ type: "models_update", models: [testModel({ id: "new" }), testModel({ id: "unknown" })] });
    expect(await test.event("models_updated")).toMatchObject({ accepted: 1, dropped: 1, rejected: 1 });
    expect(["new", "old", "kept", "unknown"].map(offering)).toEqual([1, 0, 1, 0]);
  });

  it("keeps a name's former build while the new one is refused, or is listed beside it", async () => {
    aliases = [named("plant", "new", "old")];
    const provider = await test.connect({ models: [testModel({ id: "old" })] });
    provider.send({ type: "models_update", models: [testModel({ id: "new", weight_hash: "cd".repeat(32) })] });
    expect(await test.event("models_updated")).toMatchObject({ accepted: 0, dropped: 0, rejected: 1 });
    expect(["new", "old"].map(offering)).toEqual([0, 1]);
    provider.send({ type: "models_update", models: ["new", "old"].map((id) => testModel({ id })) });
    expect(await test.event("models_updated")).toMatchObject({ accepted: 2, dropped: 0 });
    expect(["new", "old"].map(offering)).toEqual([1, 1]);
  });

  it("is measured by what names stand for: told at registration, also when that is nothing, and again when it changes", async () => {
    const features = [MANAGED_MODELS_FEATURE];
    const models = [testModel({ id: "old" })];
    const provider = await test.connect({ features, models });
    expect(await provider.receive("desired_models")).toEqual({ type: "desired_models", models: [], revision: 7 });
    aliases = [named("b", "new", "old"), named("a", "old"), named("c", "elsewhere")];
    await test.clock.advance(5_000);
    const desired = {
      type: "desired_models",
      models: [
        { model_name: "a", desired_build: "old" },
        { model_name: "b", desired_build: "new", previous_build: "old" },
      ],
      revision: 7,
    };
    expect(await provider.receive("desired_models")).toEqual(desired);
    const late = await test.connect({ features, models });
    expect(await late.receive("desired_models")).toEqual(desired);
    withdrawn.push({ modelId: "old", weightHash: HASH, kind: "revoked" });
    await test.clock.advance(5_000);
    const told = [{ model_id: "old", weight_hash: HASH, reason: "revoked" }];
    expect(await provider.receive("desired_models")).toEqual({ ...desired, withdrawn: told });
    const plain = await test.connect({ models });
    await plain.taken();
    expect(plain.messages.waiting().filter(({ type }) => type === "desired_models").length).toBe(0);
  });
});
