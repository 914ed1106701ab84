import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { EngineError, type InferenceEngine } from "../engine/index.js";
import { createEngine } from "./create-engine.js";
import { type LoadProgress, ResidentModels } from "./resident-models.js";
import { scriptedModel } from "./testing/index.js";

let clock: FakeClock;
let changes: number;
beforeEach(() => {
  clock = createFakeClock();
  changes = 0;
});

const model = (id: string, size_bytes = 100) => ({ info: { ...scriptedModel, id, size_bytes }, path: "", sequences: 2 });

interface Setup {
  readonly models?: ReturnType<typeof model>[];
  readonly models_max?: number;
  readonly memory_bytes_max?: number;
  readonly idleUnload_ms?: number;
  readonly script?: object;
  readonly probe?: InferenceEngine["probe"];
}

/** Models a, b and c, of which one fits. */
async function started({
  models = ["a", "b", "c"].map((id) => model(id)),
  models_max = 1,
  memory_bytes_max,
  idleUnload_ms,
  script = {},
  probe,
}: Setup = {}) {
  const choice = { kind: "scripted", script: { ...script } } as const;
  const scripted = await createEngine(choice, { clock, random: () => 0.5, crash: () => undefined });
  const engine = probe === undefined ? scripted : { ...scripted, probe };
  const residents = new ResidentModels({
    ...{ engine, choice, clock, random: () => 0.5, onEngineCrash: () => undefined },
    limits: { models_max, memory_bytes_max, machine: () => undefined },
    ...(idleUnload_ms !== undefined && { idleUnload_ms }),
    onChange: () => changes++,
    onInfo: () => undefined,
  });
  const starting = residents.start(models);
  await clock.advance(60_000);
  const failures = await starting;
  return { residents, failures, inMemory: () => residents.slots().map((slot) => slot.model) };
}

/** Lets loads that take no time happen. */
async function soon<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const end = () => {
    isDone = true;
  };
  work.then(end, end);
  while (!isDone) await clock.advance(1);
  return work;
}

const noTokens = { bos: undefined, eos: undefined, addBos: false };
const signal = new AbortController().signal;
const ignore = () => undefined;

describe("models that come and go while the machine serves", () => {
  it("are asked for once they are offered, and leave memory when nothing uses them any more", async () => {
    const { residents, inMemory } = await started({ models_max: 64 });
    expect(await residents.offer(model("d"))).toBeUndefined();
    expect(residents.offered.map(({ id }) => id)).toEqual(["a", "b", "c", "d"]);
    expect(inMemory()).not.toContain("d");
    const use = await soon(residents.use("d", signal, ignore, 1000));
    residents.withdraw("d");
    expect(residents.refusalOf("d")).toBe("not_loaded");
    expect(residents.offered.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    const before = changes;
    use.release();
    await clock.advance(1);
    expect(changes).toBe(before + 1);
    residents.withdraw("nothing");
    expect(inMemory()).toEqual(["a", "b", "c"]);
  });

  it("take the place of another version of theirs, and keep it when it is the same", async () => {
    const { residents, inMemory } = await started({ models_max: 64 });
    await residents.offer(model("a"));
    expect(inMemory()).toContain("a");
    const newer = model("a");
    await residents.offer({ ...newer, info: { ...newer.info, weight_hash: "f".repeat(64) } });
    await clock.advance(1);
    expect(inMemory()).toEqual(["b", "c"]);
    expect(await soon(residents.load("a", []))).toBeUndefined();
  });

  it.each([
    ["the engine does not know how to load them", async () => Promise.reject(new EngineError("artifact", "unknown architecture"))],
    ["their template renders no conversation", async () => ({ chatTemplate: "{{ raise_exception('no') }}", specialTokens: noTokens })],
  ])("are not offered when %s", async (_, probe) => {
    const { residents } = await started({ probe });
    expect(await residents.offer(model("d"))).toMatchObject({ build: "d", code: "load_failed_artifact" });
    expect(residents.offered.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });

  it("are not offered when the machine could never hold them", async () => {
    const { residents } = await started({ models_max: 64, memory_bytes_max: 1000 });
    expect(await residents.offer(model("d", 900))).toMatchObject({ build: "d", code: "load_failed_memory" });
    expect(residents.offered).toHaveLength(3);
  });

  it("that are being loaded come to the end of it first", async () => {
    const { residents, inMemory } = await started({ models_max: 64, script: { load_ms: 100 } });
    await residents.offer(model("d"));
    const using = residents.use("d", signal, ignore, 1000);
    residents.withdraw("d");
    const use = await soon(using);
    use.release();
    await clock.advance(1);
    expect(inMemory()).toEqual(["a", "b", "c"]);
  });
});

describe("models on a machine", () => {
  it("are all offered, and in memory as far as they fit together, in their order", async () => {
    const all = await started({ models_max: 64 });
    expect(all.inMemory()).toEqual(["a", "b", "c"]);

    const two = await started({ models_max: 2 });
    expect(two.inMemory()).toEqual(["a", "b"]);
    expect(two.residents.offered.map(({ id }) => id)).toEqual(["a", "b", "c"]);

    const bySize = await started({
      models: [model("large", 200), model("huge", 400), model("small", 50)],
      models_max: 64,
      memory_bytes_max: 300,
    });
    expect(bySize.inMemory()).toEqual(["large", "small"]);
  });

  it("are nothing to offer when there is room for none of them", async () => {
    const { residents, failures } = await started({ memory_bytes_max: 1 });
    expect(residents.offered).toEqual([]);
    expect(failures).toMatchObject([{ build: "a", code: "load_failed_memory" }]);
  });

  it("come into memory when they are asked for, in the place of the one that was idle longest", async () => {
    const { residents, inMemory } = await started({ models_max: 2 });
    const use = await soon(residents.use("a", signal, ignore, 1000));
    use.release();
    await clock.advance(10);
    expect((await soon(residents.use("c", signal, ignore, 1000))).weightHash).toBe(scriptedModel.weight_hash);
    expect(inMemory()).toEqual(["a", "c"]);
    expect(changes).toBe(2);
  });

  it("put away first what the coordinator names, when it names something", async () => {
    const { residents, inMemory } = await started({ models_max: 2 });
    expect(await soon(residents.load("c", ["b"]))).toBeUndefined();
    expect(inMemory()).toEqual(["a", "c"]);
  });

  it("are never put away while they are in use", async () => {
    const { residents, inMemory } = await started();
    const use = await soon(residents.use("a", signal, ignore, 1000));
    expect(residents.refusalOf("b")).toBe("capacity_slots");
    expect(residents.freeForLoad_bytes()).toBe(0);
    expect(await soon(residents.load("b", ["a"]))).toBe("slot_cap");
    await residents.unload("a");
    expect(inMemory()).toEqual(["a"]);
    use.release();
    use.release();
    expect(residents.refusalOf("b")).toBeUndefined();
    expect(await soon(residents.load("b", []))).toBeUndefined();
    expect(inMemory()).toEqual(["b"]);
    await residents.unload("b");
    expect(inMemory()).toEqual([]);
  });

  it("are refused with the reason: unknown, too large, or no room beside what is at work", async () => {
    const models = [model("small", 50), model("huge", 400), model("fits", 200)];
    const { residents } = await started({ models, models_max: 64, memory_bytes_max: 300 });
    expect(residents.refusalOf("unknown")).toBe("not_loaded");
    expect(await soon(residents.load("unknown", []))).toBe("model_not_found");
    expect(residents.refusalOf("huge")).toBe("load_failed_memory");
    expect(await soon(residents.load("huge", []))).toBe("insufficient_memory");
    await expect(soon(residents.use("huge", signal, ignore, 1000))).rejects.toMatchObject({ errorClass: "load_failed_memory" });

    const use = await soon(residents.use("fits", signal, ignore, 1000));
    expect(await soon(residents.load("small", []))).toBeUndefined();
    expect(await soon(residents.load("huge", []))).toBe("insufficient_memory");
    await expect(soon(residents.use("huge", signal, ignore, 1000))).rejects.toMatchObject({ errorClass: "capacity_slots" });
    use.release();
  });

  it("are loaded once, however many ask, and one after another", async () => {
    const { residents, inMemory } = await started({ models_max: 2, script: { load_ms: 1000 } });
    const [first, again, other] = [residents.load("c", []), residents.use("c", signal, ignore, 1000), residents.load("b", [])];
    await clock.advance(1000);
    expect(await first).toBeUndefined();
    expect((await again).weightHash).toBe(scriptedModel.weight_hash);
    expect(inMemory()).toEqual(["b", "c"]);
    expect(await other).toBeUndefined();
    expect(residents.slots()[0]?.model_load_time_ms).toBe(1000);
  });

  it("say how their load goes, from the start and every so often, and how long it will take yet", async () => {
    const { residents } = await started({ script: { load_ms: 10_000 } });
    const told: LoadProgress[] = [];
    const using = residents.use("b", signal, (progress) => told.push(progress), 2500);
    await clock.advance(10_000);
    await using;
    expect(told).toEqual([
      { progress: 0, eta_ms: undefined },
      { progress: 0.2, eta_ms: 10_000 },
      { progress: 0.5, eta_ms: 5_000 },
      { progress: 0.7, eta_ms: expect.closeTo(3214, 0) },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("go on loading for others when one gives up", async () => {
    const { residents, inMemory } = await started({ script: { load_ms: 5000 } });
    const controller = new AbortController();
    const using = residents.use("b", controller.signal, ignore, 1000);
    const other = residents.use("b", signal, ignore, 1000);
    const refused = expect(using).rejects.toMatchObject({ errorClass: "cancelled" });
    await clock.advance(1000);
    controller.abort();
    await refused;
    await clock.advance(4000);
    expect(inMemory()).toEqual(["b"]);
    (await other).release();
    // Nobody holds it any more.
    await residents.unload("b");
    expect(inMemory()).toEqual([]);
  });

  it("are not loaded for nobody, unless the coordinator wants them; and can be asked for again at once", async () => {
    const { residents, inMemory } = await started({ models_max: 2, script: { load_ms: 5000 } });
    const controller = new AbortController();
    const using = residents.use("c", controller.signal, ignore, 1000);
    const refused = expect(using).rejects.toMatchObject({ errorClass: "cancelled" });
    await clock.advance(1000);
    controller.abort();
    await refused;
    const again = residents.use("c", signal, ignore, 1000);
    await clock.advance(4900);
    expect(inMemory()).toEqual(["b"]);
    await clock.advance(100);
    (await again).release();
    expect(inMemory()).toEqual(["b", "c"]);

    const commanded = residents.load("a", []);
    const leaving = new AbortController();
    const waiting = expect(residents.use("a", leaving.signal, ignore, 1000)).rejects.toMatchObject({ errorClass: "cancelled" });
    leaving.abort();
    await waiting;
    await clock.advance(5000);
    expect(await commanded).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  it("leave memory when they were not used for long", async () => {
    const { residents, inMemory } = await started({ models_max: 2, idleUnload_ms: 600_000 });
    await clock.advance(400_000);
    const use = await soon(residents.use("a", signal, ignore, 1000));
    await clock.advance(150_000);
    expect(inMemory()).toEqual(["a"]);
    await clock.advance(3_600_000);
    expect(inMemory()).toEqual(["a"]);
    use.release();
    await clock.advance(599_000);
    expect(inMemory()).toEqual(["a"]);
    await clock.advance(61_000);
    expect(inMemory()).toEqual([]);
    expect(residents.offered).toHaveLength(3);
  });

  it("can be asked for again after a load that failed", async () => {
    const { residents, inMemory } = await started({
      script: { faults: [{ kind: "error", at: "load", times: 1 }] },
      models: [model("a"), model("b"), model("c")],
    });
    // The first load was that of `a`, which is not offered since.
    expect(residents.offered.map(({ id }) => id)).toEqual(["b", "c"]);
    expect(inMemory()).toEqual(["b"]);
    expect(await soon(residents.load("c", []))).toBeUndefined();
  });

  it("can be asked for again after a load that failed for want of memory", async () => {
    const { residents, inMemory } = await started({
      models_max: 64,
      script: { faults: [{ kind: "out_of_memory", at: "load", times: 1 }] },
    });
    expect(inMemory()).toEqual(["b", "c"]);
    expect(residents.offered.map(({ id }) => id)).toEqual(["b", "c"]);
  });
});

describe("memory of models", () => {
  const MiB = 2 ** 20;
  // A context of 4096 tokens, two sequences.
  const memory = { fixed_bytes: 100 * MiB, token_bytes: MiB / 64 };

  it("is told by their files: weights, and the cache of every sequence", async () => {
    const fits = await started({ models_max: 64, memory_bytes_max: 2 * (100 + 128) * MiB, script: { memory } });
    expect(fits.inMemory()).toEqual(["a", "b"]);
    expect(fits.residents.slots()[0]).toMatchObject({ max_concurrency: 2, token_budget_max: 8192 });
  });

  it("makes the shape of the first smaller where it does not fit, so that it is served at all", async () => {
    const fewer = await started({ models: [model("a")], memory_bytes_max: (100 + 64) * MiB, script: { memory } });
    expect(fewer.residents.slots()[0]).toMatchObject({ max_concurrency: 1, token_budget_max: 4096 });
    expect(fewer.residents.offered[0]?.context_length).toBe(4096);

    const shorter = await started({ models: [model("a")], memory_bytes_max: (100 + 32) * MiB, script: { memory } });
    expect(shorter.residents.slots()[0]).toMatchObject({ max_concurrency: 1, token_budget_max: 2048 });
    expect(shorter.residents.offered[0]?.context_length).toBe(2048);

    const none = await started({ models: [model("a")], memory_bytes_max: (100 + 31) * MiB, script: { memory } });
    expect(none.failures).toMatchObject([{ build: "a", code: "load_failed_memory" }]);
  });

  it("is corrected by what a load really took", async () => {
    const { residents, inMemory } = await started({
      models: [model("a"), model("b")],
      models_max: 64,
      memory_bytes_max: 2 * (100 + 128) * MiB,
      script: { memory: { ...memory, taken: 1.5 } },
    });
    expect(inMemory()).toEqual(["a"]);
    // Half as much again as was told: with the other one it is too much, and alone it is not.
    expect(residents.freeForLoad_bytes()).toBe(2 * (100 + 128) * MiB);
    expect(await soon(residents.load("b", []))).toBeUndefined();
    expect(inMemory()).toEqual(["b"]);
  });

  it("that turns out to be short puts idle models away and is tried again, and else is refused", async () => {
    const { residents, inMemory } = await started({
      models_max: 2,
      script: { load_ms: 10, faults: [{ kind: "out_of_memory", at: "load" }] },
    });
    expect(inMemory()).toEqual([]);
    expect(residents.offered).toEqual([]);

    const once = await started({ models_max: 64, script: { faults: [{ kind: "out_of_memory", at: "load", from: 4, times: 1 }] } });
    await once.residents.unload("c");
    expect(once.inMemory()).toEqual(["a", "b"]);
    const busy = await soon(once.residents.use("a", signal, ignore, 1000));
    expect(await soon(once.residents.load("c", []))).toBeUndefined();
    expect(once.inMemory()).toEqual(["a", "c"]);
    busy.release();
  });
});
