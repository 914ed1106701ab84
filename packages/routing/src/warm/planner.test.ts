import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFleetIndex } from "../fleet-index/index.js";
import { firstRefusal } from "../gates/profiles.js";
import { context as anyContext, fleet as anyFleet } from "../testing/arbitraries.js";
import { BUILD, builds, buildView, NOW_MS, OTHER_BUILD, requestSpec, routingContext, slots, slotView } from "../testing/fixtures.js";
import { isIdle } from "./idle.js";
import { createWarmPlanner, type WarmEvent } from "./planner.js";
import { coldMachine, World } from "./testing/world.js";

const REJECT: WarmEvent = { type: "capacity_reject", build: BUILD };
const served = (build: string): WarmEvent => ({ type: "served", build, prompt_tokens: 500, completion_tokens: 250 });
const machines = (count: number) => Array.from({ length: count }, (_, i) => coldMachine(`m${String(i).padStart(2, "0")}`));
const loads = (world: World) => world.commands.filter(({ type }) => type === "load");
const unloads = (world: World) => world.commands.filter(({ type }) => type === "unload");

describe("the warm-model planner", () => {
  it("does nothing while nobody asks", () => {
    const world = new World(machines(3));
    for (let i = 0; i < 10; i++) expect(world.tick()).toEqual([]);
  });

  it("loads a build that a request found no place for, and says why", () => {
    const world = new World(machines(1));
    world.tell(REJECT);
    expect(world.tick()).toEqual([
      {
        ...{ type: "load", providerId: "m00", build: BUILD, evict: [] },
        reason: expect.stringMatching(/requests at once want .* places.*: requests found every place taken$/),
      },
    ]);
    expect(world.copies()).toBe(1);
  });

  it("loads for a queue as for a rejection, and for an operator's floor without any demand", () => {
    const queued = new World(machines(1));
    queued.tell({ type: "queue", build: BUILD, depth: 2, oldestSince_ms: NOW_MS });
    expect(queued.tick()[0]?.reason).toMatch(/2 requests are waiting$/);

    const kept = new World(machines(3), { minWarm: new Map([[BUILD, 2]]) });
    expect(kept.tick().map(({ reason }) => reason)).toEqual(Array(2).fill("the operator keeps 2 copies, and 0 are in memory"));
    for (let i = 0; i < 100; i++) kept.tick();
    expect(kept.copies()).toBe(2);
    expect(kept.commands).toHaveLength(2);
  });

  it("asks for one more copy at an event, not for one in every plan that remembers it", () => {
    const world = new World(machines(16));
    world.tell(REJECT);
    for (let i = 0; i < 30; i++) world.tick();
    // One for the demand, one for bursts.
    expect(loads(world).length).toBeLessThanOrEqual(2);
  });

  it("sizes a pool by Little's law from what requests really are", () => {
    // 2 requests a second of 500 and 250 tokens at 50 tokens a second take a place for 5 to 6 seconds each: 11 places and a burst.
    const world = new World(machines(32));
    for (let i = 0; i < 30; i++) world.tick(served(BUILD), served(BUILD), ...(i < 12 ? [REJECT] : []));
    const [demand] = world.plan().builds;
    expect(demand?.load).toBeGreaterThan(9);
    expect(demand?.load).toBeLessThan(14);

    const short = new World(machines(32));
    const brief: WarmEvent = { type: "served", build: BUILD, prompt_tokens: 50, completion_tokens: 25 };
    for (let i = 0; i < 30; i++) short.tick(brief, brief);
    expect(short.plan().builds[0]?.load).toBeLessThan(2);
  });

  it("converges while load is steady, and gives back what it took when load goes away", () => {
    const world = new World(machines(32));
    // A load of eleven and a burst of one copy take two machines of eight places.
    for (let i = 0; i < 120; i++) world.tick(served(BUILD), served(BUILD), ...(world.copies() < 2 ? [REJECT] : []));
    expect(world.copies()).toBe(2);
    const before = world.commands.length;
    for (let i = 0; i < 30; i++) world.tick(served(BUILD), served(BUILD));
    expect(world.commands.slice(before)).toEqual([]);

    for (let i = 0; i < 60; i++) world.tick();
    expect(world.copies()).toBe(1);
    expect(unloads(world).at(-1)?.reason).toMatch(/^[\d.]+ requests at once want [\d.]+ places, and 16 are in memory$/);
    const after = world.commands.length;
    for (let i = 0; i < 60; i++) world.tick();
    expect(world.commands).toHaveLength(after);
  });

  it("keeps a copy for the time it was promised, whatever comes", () => {
    const world = new World(machines(8));
    world.tell(REJECT, REJECT, REJECT);
    world.tick();
    for (let i = 0; i < 25; i++) world.tick();
    expect(unloads(world)).toEqual([]);
  });

  it("puts away only what it has loaded itself", () => {
    const own = ["a", "b", "c"].map((id) => coldMachine(id, { slots: slots(slotView()) }));
    const world = new World(own);
    world.tell(REJECT);
    for (let i = 0; i < 100; i++) world.tick();
    expect(unloads(world)).toEqual([]);
    expect(world.copies()).toBe(3);
  });

  it("loads nothing in excess of its caps, a plan, the fleet and a machine at once", () => {
    const slow = new World(machines(64), { pendingLoads_max: 6, loadsPerPlan: 4 }, 60_000);
    slow.tell({ type: "queue", build: BUILD, depth: 500, oldestSince_ms: NOW_MS });
    expect(slow.tick(REJECT)).toHaveLength(6);
    expect(slow.tick(REJECT)).toHaveLength(0);
    for (let i = 0; i < 30; i++) slow.tick(REJECT);
    expect(slow.pendingLoads_max).toBe(6);

    const ramp = new World(machines(64), { pendingLoads_max: 100 });
    ramp.tell({ type: "queue", build: BUILD, depth: 500, oldestSince_ms: NOW_MS });
    expect(ramp.tick()).toHaveLength(16);

    for (const none of [{ loadsPerPlan: 0 }, { pendingLoads_max: 0 }]) {
      const world = new World(machines(4), none);
      world.tell(REJECT);
      expect(world.tick()).toEqual([]);
      expect(world.plan().builds[0]?.missing_places).toBeGreaterThan(0);
    }
  });

  it("plans without acting when it only observes", () => {
    const world = new World(machines(2), { observeOnly: true });
    world.tell(REJECT);
    const plan = world.plan();
    expect(plan.isObserveOnly).toBe(true);
    expect(plan.commands.length).toBeGreaterThan(0);
    expect(world.planner.pendingLoads).toEqual([]);
    expect(world.plan().commands).toEqual(plan.commands);
  });

  it("has at most one load under way on a machine, for two minutes at most, and lets a failed one rest", () => {
    const world = new World(machines(1), {}, Number.POSITIVE_INFINITY);
    const commandAt = (after_ms: number) => {
      world.now_ms = NOW_MS + after_ms;
      world.tell(REJECT, { ...REJECT, build: OTHER_BUILD });
      return world.plan().commands.map(({ build }) => build);
    };
    const [first] = commandAt(0);
    expect(commandAt(119_000)).toEqual([]);
    // Its time is up: the pair rests, the other build may try.
    expect(commandAt(120_000)).toEqual([first === BUILD ? OTHER_BUILD : BUILD]);
    world.tell({ type: "load_failed", providerId: "m00", build: first === BUILD ? OTHER_BUILD : BUILD, reason: "draining" });
    expect(commandAt(149_000)).toEqual([]);
    expect(commandAt(150_001)).toHaveLength(1);
  });

  it.each([
    ["draining", 30_000],
    ["insufficient_memory", 30_000],
    ["slot_cap", 30_000],
    ["model_not_found", 120_000],
    ["other", 120_000],
  ] as const)("rests after %s for %i ms", (reason, rest_ms) => {
    const world = new World(machines(1));
    const isPlannedAt = (after_ms: number) => {
      world.now_ms = NOW_MS + after_ms;
      world.tell(REJECT);
      return world.plan().commands.length > 0;
    };
    expect(isPlannedAt(0)).toBe(true);
    world.tell({ type: "load_failed", providerId: "m00", build: BUILD, reason });
    expect(isPlannedAt(rest_ms - 1)).toBe(false);
    expect(isPlannedAt(rest_ms)).toBe(true);
  });

  it("tries again at once when a command could not be sent, and forgets a machine that has gone", () => {
    const world = new World(machines(1));
    world.tell(REJECT);
    expect(world.plan().commands).toHaveLength(1);
    world.tell({ type: "load_withdrawn", providerId: "m00", build: BUILD });
    expect(world.plan().commands).toHaveLength(1);
    world.tell({ type: "provider_gone", providerId: "m00" });
    expect(world.planner.pendingLoads).toEqual([]);
  });

  it("believes a machine that shows the build in memory, though it never said that it had loaded it", () => {
    const world = new World(machines(1));
    world.tell(REJECT);
    world.plan();
    world.now_ms += 4_000;
    world.views.set("m00", coldMachine("m00", { slots: slots(slotView()) }));
    world.plan();
    expect(world.planner.pendingLoads).toEqual([]);
    expect(world.planner.usualLoad_ms(BUILD)).toBe(4_000);
  });

  it("counts a machine that loads because a request was placed on it", () => {
    const busy = coldMachine("busy", { pending: new Map([[BUILD, { requests: 1, tokens: 100 }]]), pendingTotal: 1 });
    const world = new World([busy, coldMachine("free")], { burst_copies: 0 });
    world.tell({ type: "cold_dispatch", build: BUILD });
    expect(world.plan()).toMatchObject({ commands: [], builds: [{ comingCopies: 1, warmCopies: 0 }] });
  });
});

describe("which machine loads", () => {
  it("is the best by score, never by order: hot, pressed, busy and cooling machines come last or not at all", () => {
    // A planner that took the first machine of a map, without looking at heat or cooldowns, kept loading where loads fail.
    const refused = [
      coldMachine("critical", { thermal: "critical" }),
      coldMachine("cooling", { loadCooldownUntil_ms: new Map([[BUILD, NOW_MS + 600_000]]) }),
      coldMachine("draining", { draining: true }),
      coldMachine("private", { privateOnly: true }),
      coldMachine("broken", { breakerOpenUntil_ms: NOW_MS + 600_000 }),
      coldMachine("full", { freeForLoad_gb: 0.5 }),
      coldMachine("unmanaged", { managed: false }),
      coldMachine("unheard", { slots: undefined }),
      coldMachine("busy", { slots: slots(slotView({ build: OTHER_BUILD, running: 1 })) }),
    ];
    const ranked = [
      coldMachine("serious", { thermal: "serious" }),
      coldMachine("pressed", { memoryPressure: 0.9 }),
      coldMachine("fair", { thermal: "fair" }),
      coldMachine("best"),
    ];
    const world = new World([...refused, ...ranked], { burst_copies: 0, minDwell_ms: 0 });
    const order: string[] = [];
    for (let i = 0; i < 6; i++) {
      world.tell(REJECT);
      order.push(...world.tick().map(({ providerId }) => providerId));
    }
    expect(order).toEqual(["best", "fair", "pressed", "serious"]);
  });

  it("is never one that a gate forbids, nor one at work, nor one that has it: over random fleets", () => {
    fc.assert(
      fc.property(anyFleet, anyContext, fc.integer({ min: 1, max: 50 }), (views, given, events) => {
        const context = routingContext(given);
        const planner = createWarmPlanner();
        for (const build of [BUILD, OTHER_BUILD]) {
          for (let i = 0; i < events; i++) planner.record({ type: "capacity_reject", build }, context.now_ms);
        }
        const fleet = {
          get: (id: string) => views.find((view) => view.id === id),
          views: (build: string) => views.filter((view) => view.builds.has(build)),
        };
        const { commands } = planner.plan(fleet, context);
        const busy = new Set<string>();
        for (const { type, providerId, build } of commands) {
          const view = fleet.get(providerId);
          if (view === undefined) throw new Error("a command for nobody");
          const spec = requestSpec({ build, weightHash: "", promptTokens: 500, maxOutputTokens: 256 });
          expect(type).toBe("load");
          expect(firstRefusal("select", view, spec, context)).toBeUndefined();
          expect(isIdle(view)).toBe(true);
          expect(["running", "idle"]).not.toContain(view.slots?.get(build)?.state);
          expect(busy.has(providerId)).toBe(false);
          busy.add(providerId);
        }
        expect(commands.length).toBeLessThanOrEqual(16);
        const { commands: again } = planner.plan(fleet, context);
        expect(again.filter(({ providerId }) => busy.has(providerId))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("is the same whether the fleet says which machines are engaged or has to be looked through", () => {
    fc.assert(
      fc.property(anyFleet, anyContext, fc.integer({ min: 1, max: 9 }), (views, given, events) => {
        const context = routingContext(given);
        const index = createFleetIndex();
        for (const view of views) index.set(view, context);
        const scanned = {
          get: (id: string) => views.find((view) => view.id === id),
          views: (build: string) => views.filter((view) => view.builds.has(build)),
        };
        const plans = [index, scanned].map((fleet) => {
          const planner = createWarmPlanner();
          for (const build of [BUILD, OTHER_BUILD]) {
            for (let i = 0; i < events; i++) planner.record({ type: "ttft_miss", build }, context.now_ms);
          }
          return planner.plan(fleet, context);
        });
        expect(plans[0]).toEqual(plans[1]);
      }),
      { numRuns: 200 },
    );
  });

  it("is not always among the same few of a large fleet", () => {
    const world = new World(
      Array.from({ length: 5000 }, (_, i) => coldMachine(`m${String(i).padStart(4, "0")}`)),
      {
        pendingLoads_max: 1000,
        loadsPerPlan: 8,
      },
    );
    for (let i = 0; i < 4; i++) world.tick(REJECT, { type: "queue", build: BUILD, depth: 400, oldestSince_ms: NOW_MS });
    const chosen = new Set(loads(world).map(({ providerId }) => Number(providerId.slice(1)) % 5));
    expect(chosen.size).toBeGreaterThan(2);
  });

  it("is asked on behalf of builds in the catalogue only, with the catalogue's weights", () => {
    const world = new World(machines(1));
    world.tell(REJECT);
    const fleet = { get: (id: string) => world.get(id), views: (build: string) => world.allOffering(build) };
    const context = routingContext();
    expect(world.planner.plan(fleet, context, () => undefined)).toMatchObject({ commands: [], builds: [] });
    expect(world.planner.plan(fleet, context, () => ({ weightHash: "other" })).commands).toEqual([]);
    expect(world.planner.plan(fleet, context).commands).toHaveLength(1);
  });
});

describe("builds that want the same memory", () => {
  it("share it as they are asked for", () => {
    const world = new World(machines(4), { burst_copies: 0 });
    const events: Record<string, number> = { [BUILD]: 4, [OTHER_BUILD]: 1 };
    /** Some requests find no place while a build has fewer than it needs: eight a copy, five seconds a request. */
    const second = () =>
      Object.entries(events).flatMap(([build, rate]): WarmEvent[] => [
        ...Array.from({ length: rate }, () => served(build)),
        ...(world.copies(build) * 8 < rate * 5.2 ? [{ type: "ttft_miss", build } as const] : []),
      ]);
    for (let i = 0; i < 120; i++) world.tick(...second());
    expect([world.copies(BUILD), world.copies(OTHER_BUILD)]).toEqual([3, 1]);
    // And stay where they are: nothing is put away for what is worth no more.
    const before = world.commands.length;
    for (let i = 0; i < 60; i++) world.tick(...second());
    expect(world.commands.slice(before)).toEqual([]);
  });

  it("change places when demand does", () => {
    const world = new World(machines(4), { burst_copies: 0 });
    for (const [busy, quiet] of [
      [BUILD, OTHER_BUILD],
      [OTHER_BUILD, BUILD],
    ] as const) {
      for (let i = 0; i < 120; i++) {
        world.tick(
          ...Array.from({ length: 4 }, () => served(busy)),
          ...(world.copies(busy) < 3 ? [{ type: "ttft_miss", build: busy } as const] : []),
        );
      }
      expect(world.copies(busy)).toBe(3);
      expect(world.copies(quiet)).toBeLessThanOrEqual(1);
    }
  });

  it("do not lose their only copy to a build that is no more in demand", () => {
    const holder = coldMachine("holder", { slots: slots(slotView({ build: OTHER_BUILD })) });
    const world = new World([holder]);
    for (let i = 0; i < 6; i++) world.tick(served(OTHER_BUILD), served(OTHER_BUILD));
    world.tell(REJECT);
    expect(world.tick()).toEqual([]);

    const idle = new World([holder]);
    idle.tell(REJECT);
    expect(idle.tick()).toMatchObject([{ type: "load", build: BUILD, evict: [OTHER_BUILD] }]);
    expect([idle.copies(BUILD), idle.copies(OTHER_BUILD)]).toEqual([1, 0]);
  });

  it("put nothing away where there is room for both", () => {
    const roomy = coldMachine("roomy", { slots: slots(slotView({ build: OTHER_BUILD })), freeForLoad_gb: 8, residentModels_max: 2 });
    const world = new World([roomy]);
    world.tell(REJECT);
    expect(world.tick()).toMatchObject([{ build: BUILD, evict: [] }]);
  });

  it("are served by worth for memory: a small one goes before a large one of equal demand", () => {
    const both = builds(buildView({ size_bytes: 2 ** 33 }), buildView({ build: OTHER_BUILD }));
    const world = new World([coldMachine("m", { builds: both, freeForLoad_gb: 20 })]);
    world.tell(REJECT, { ...REJECT, build: OTHER_BUILD });
    expect(world.tick()).toMatchObject([{ build: OTHER_BUILD }]);
  });

  it("keep an operator's floor against any demand", () => {
    const holder = coldMachine("holder", { slots: slots(slotView({ build: OTHER_BUILD })) });
    const world = new World([holder], { minWarm: new Map([[OTHER_BUILD, 1]]) });
    for (let i = 0; i < 10; i++) world.tick(REJECT, REJECT);
    expect(world.copies(OTHER_BUILD)).toBe(1);
  });
});
