import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { beforeEach, describe, expect, it } from "vitest";
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
  readonly script?: object;
}

/** Models a, b and c, of which one fits. */
async function started({ models = ["a", "b", "c"].map((id) => model(id)), models_max = 1, memory_bytes_max, script = {} }: Setup = {}) {
  const choice = { kind: "scripted", script: { ...script } } as const;
  const engine = await createEngine(choice, { clock, random: () => 0.5, crash: () => undefined });
  const residents = new ResidentModels({
    ...{ engine, choice, clock, random: () => 0.5, onEngineCrash: () => undefined },
    limits: { models_max, memory_bytes_max, available_bytes: () => undefined },
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

const signal = new AbortController().signal;
const ignore = () => undefined;

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
    const refused = expect(using).rejects.toMatchObject({ errorClass: "cancelled" });
    await clock.advance(1000);
    controller.abort();
    await refused;
    await clock.advance(4000);
    expect(inMemory()).toEqual(["b"]);
    // Nobody holds it any more.
    await residents.unload("b");
    expect(inMemory()).toEqual([]);
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
});
