import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_COST_PROFILE } from "../cost/profile.js";
import type { ProfileName } from "../gates/profiles.js";
import { seededRandom } from "../random.js";
import { select } from "../select.js";
import { context as anyContext, fleet as anyFleet, spec as anySpec } from "../testing/arbitraries.js";
import {
  BUILD,
  builds,
  buildView,
  NOW_MS,
  OTHER_BUILD,
  PLAIN_COST_PROFILE,
  providerView,
  requestSpec,
  routingContext,
  slots,
  slotView,
  WEIGHT_HASH,
} from "../testing/fixtures.js";
import { admissibleWinners } from "../testing/oracle.js";
import type { Decision, PendingView, ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { withoutPending, withPending } from "../views.js";
import { createFleetIndex, type FleetIndex } from "./index.js";

const anyProfile = fc.constantFrom<ProfileName>("select", "select_failopen", "preview");

function indexOf(views: readonly ProviderView[], context: RoutingContext): FleetIndex {
  const index = createFleetIndex();
  for (const view of views) index.set(view, context);
  return index;
}

/** Only machines that offer the build are in an index of it. */
function offering(views: readonly ProviderView[], { build }: RequestSpec): readonly ProviderView[] {
  return views.filter((view) => view.builds.has(build));
}

/** Refusals that a search counts only of machines that it looked at. */
function countedExactly({ refusals }: ReturnType<FleetIndex["select"]>) {
  const { capacity: _capacity, ttft_ceiling: _ceiling, ...exact } = refusals;
  return exact;
}

function expectAdmissible(fleet: readonly ProviderView[], spec: RequestSpec, context: RoutingContext, profile: ProfileName): Decision {
  const views = offering(fleet, spec);
  const found = indexOf(fleet, context).select(spec, context, profile);
  const admissible = admissibleWinners(views, spec, context, profile);
  const isAdmissible = found.winner === undefined ? admissible.size === 0 : admissible.has(found.winner.providerId);
  if (!isAdmissible) expect([found.winner?.providerId]).toEqual([...admissible]);
  const { failedOpen } = select(views, spec, context, profile);
  if (found.failedOpen !== failedOpen) expect(found.failedOpen).toBe(failedOpen);
  return found;
}

/** Many random fleets: seconds on an idle machine. */
const LONG = { timeout: 120_000 };

describe("the index of a fleet", () => {
  it("finds a winner that a full scan could have drawn, and none where a scan finds none", LONG, () => {
    fc.assert(
      fc.property(anyFleet, anySpec, anyContext, anyProfile, fc.integer(), (fleet, spec, rest, profile, seed) => {
        expectAdmissible(fleet, spec, { ...rest, random: seededRandom(seed) }, profile);
      }),
      { numRuns: 10_000 },
    );
  });

  it("does so where many machines are alike, so that winners are drawn", LONG, () => {
    const kinds = fc.array(fc.tuple(anyFleet, fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 2 });
    let drawn = 0;
    fc.assert(
      fc.property(kinds, anySpec, anyContext, anyProfile, fc.integer(), (crowds, spec, rest, profile, seed) => {
        const fleet = crowds
          .flatMap(([views, copies]) => Array.from({ length: copies }, () => views).flat())
          .map((view, number) => ({ ...view, id: `session-${number}`, machineId: `machine-of-session-${number}` }));
        const { tied } = expectAdmissible(fleet, spec, { ...rest, random: seededRandom(seed) }, profile);
        if ((tied ?? 0) > 32) drawn += 1;
      }),
      { numRuns: 500 },
    );
    expect(drawn).toBeGreaterThan(50);
  });

  it("counts the machines that each gate refuses as a full scan counts them", LONG, () => {
    fc.assert(
      fc.property(anyFleet, anySpec, anyContext, anyProfile, (fleet, anyRoute, rest, profile) => {
        const spec: RequestSpec = { ...anyRoute, route: anyRoute.route === "prefer" ? "public" : anyRoute.route };
        const context = { ...rest, random: seededRandom(1) };
        const scanned = select(offering(fleet, spec), spec, context, profile);
        const found = indexOf(fleet, context).select(spec, context, profile);
        expect({ considered: found.considered, refusals: countedExactly(found) }).toEqual({
          considered: scanned.considered,
          refusals: countedExactly(scanned),
        });
        if (scanned.winner === undefined) expect(found.refusals).toEqual(scanned.refusals);
      }),
      { numRuns: 3_000 },
    );
  });

  it("follows its machines: what is set, replaced and removed, and what time brings", LONG, () => {
    const step = fc.record({
      fleet: anyFleet,
      removed: fc.array(fc.nat({ max: 11 }), { maxLength: 3 }),
      passed_ms: fc.constantFrom(0, 1, 60_000, 959_000, 1_000_000),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), anySpec, anyContext, (steps, spec, rest) => {
        const index = createFleetIndex();
        const model = new Map<string, ProviderView>();
        let now_ms = rest.now_ms;
        for (const { fleet, removed, passed_ms } of steps) {
          const context = () => ({ ...rest, now_ms, random: seededRandom(1) });
          for (const view of fleet) {
            model.set(view.id, view);
            index.set(view, context());
          }
          for (const number of removed) {
            model.delete(`session-${number}`);
            index.remove(`session-${number}`);
          }
          now_ms += passed_ms;
          const views = [...model.values()];
          const admissible = admissibleWinners(offering(views, spec), spec, context(), "select");
          const { winner } = index.select(spec, context());
          expect(index.size).toBe(model.size);
          expect(winner === undefined).toBe(admissible.size === 0);
          if (winner !== undefined) expect(admissible).toContain(winner.providerId);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  const crowd = (count: number, change: (index: number) => Partial<ProviderView>): ProviderView[] =>
    Array.from({ length: count }, (_, index) => providerView({ id: `session-${index}`, ...change(index) }));

  it("holds for large fleets, where equals are drawn instead of gathered", LONG, () => {
    const random = seededRandom(7);
    const fleet = crowd(3_000, () => ({
      slots: slots(
        slotView({
          observedDecode_tps: 20 * 20 ** random(),
          running: Math.floor(random() * 3),
          tokenBudgetUsed: Math.floor(random() * 90_000),
        }),
      ),
      pendingTotal: Math.floor(random() * 4),
      cpuUsage: random(),
      version: random() < 0.5 ? "1.2.0" : "1.3.0",
      breakerOpenUntil_ms: random() < 0.1 ? NOW_MS + 1 : 0,
    }));
    const index = indexOf(fleet, routingContext());
    for (let seed = 0; seed < 200; seed += 1) {
      const spec = requestSpec({
        promptTokens: Math.floor(random() * 4_000),
        maxOutputTokens: 1 + Math.floor(random() * 2_000),
        avoidVersion: random() < 0.3 ? "1.2.0" : undefined,
        ...(random() < 0.3 && {
          affinity: { machineId: `machine-of-session-${Math.floor(random() * 3_000)}`, matched_tokens: 2_000, placement: String(seed) },
        }),
      });
      const context = routingContext({ random: seededRandom(seed) });
      const { winner } = index.select(spec, context);
      expect(admissibleWinners(fleet, spec, context, "select")).toContain(winner?.providerId);
    }
  });

  it(
    "holds while work comes and goes and is reported, under the build that is asked for and under others of the same machines",
    LONG,
    () => {
      const random = seededRandom(11);
      const below = (bound: number) => Math.floor(random() * bound);
      const cold = "build-in-nobodys-memory";
      const offered = builds(buildView(), buildView({ build: OTHER_BUILD }), buildView({ build: cold }));
      const fleet = crowd(100, () => {
        const observedDecode_tps = 40 + below(4) * 5;
        return {
          builds: offered,
          slots: slots(
            slotView({ observedDecode_tps, maxConcurrency: 3 }),
            slotView({ build: OTHER_BUILD, observedDecode_tps, maxConcurrency: 3 }),
          ),
        };
      });
      const costProfile = { ...DEFAULT_COST_PROFILE, nearTie_ms: 1_000 };
      const index = indexOf(fleet, routingContext({ costProfile }));
      const placed: { readonly id: string; readonly build: string; readonly work: PendingView }[] = [];
      const reported = (view: ProviderView): ProviderView => ({
        ...view,
        slots: slots(...[...(view.slots?.values() ?? [])].map((slot) => (random() < 0.5 ? slot : { ...slot, running: below(3) }))),
        cpuUsage: random() < 0.5 ? view.cpuUsage : below(4) / 10,
        reliability: random() < 0.9 ? view.reliability : 0.9 + random() / 10,
      });
      const change = (id: string, changed: (view: ProviderView) => ProviderView): void => {
        const view = index.get(id);
        if (view !== undefined) index.set(changed(view), routingContext({ costProfile }));
      };
      for (let step = 0; step < 900; step += 1) {
        const build = [BUILD, OTHER_BUILD, cold][below(3)] ?? BUILD;
        const spec = requestSpec({ build, promptTokens: below(2_000), maxOutputTokens: 1 + below(1_000) });
        const context = routingContext({ costProfile, random: seededRandom(step) });
        const found = index.select(spec, context);
        const views = [...index.views(build)];
        const admissible = admissibleWinners(views, spec, context, "select");
        if (!admissible.has(found.winner?.providerId ?? "")) expect([found.winner?.providerId]).toEqual([...admissible]);
        expect(countedExactly(found)).toEqual(countedExactly(select(views, spec, context)));
        change(`session-${below(100)}`, reported);
        // First the fleet fills up, then it empties.
        const isFilling = step < 450;
        if (found.winner !== undefined && (isFilling || random() < 0.2)) {
          const work = { requests: 1, tokens: spec.promptTokens + spec.maxOutputTokens, unread_tokens: spec.promptTokens };
          placed.push({ id: found.winner.providerId, build, work });
          change(found.winner.providerId, (view) => withPending(view, build, work));
        }
        const ended = isFilling && random() < 0.5 ? undefined : placed.splice(below(placed.length), 1)[0];
        if (ended !== undefined) change(ended.id, (view) => withoutPending(view, ended.build, ended.work, { requests: 0, tokens: 0 }));
      }
    },
  );

  it("finds a machine although the fleet's rates have moved on since it was placed", () => {
    const unmeasured = slots(slotView({ observedDecode_tps: 0 }));
    const fleet = crowd(3, () => ({ slots: unmeasured, staticDecode_tps: 20 }));
    const index = indexOf(fleet, routingContext());
    const costProfile = { ...PLAIN_COST_PROFILE, nearTie_ms: 100 };
    const context = routingContext({ costProfile, rates: { decode_tps: () => 200, load_ms: () => 0 } });
    expect(select(fleet, requestSpec(), context).winner).toBeDefined();
    expect(index.select(requestSpec(), context).winner).toBeDefined();
  });

  it("spreads requests over equals", () => {
    const index = indexOf(
      crowd(500, () => ({})),
      routingContext(),
    );
    const random = seededRandom(3);
    const drawn = new Map<string, number>();
    for (let ask = 0; ask < 5_000; ask += 1) {
      const id = index.select(requestSpec(), routingContext({ random })).winner?.providerId ?? "";
      drawn.set(id, (drawn.get(id) ?? 0) + 1);
    }
    expect(drawn.size).toBeGreaterThan(490);
    expect(Math.max(...drawn.values())).toBeLessThan(40);
  });

  it("looks at few machines, however many there are, busy ones and full ones included", () => {
    const full = slots(slotView({ running: 8 }));
    const noRoom = slots(slotView({ tokenBudgetUsed: 99_950 }));
    const fleets = [crowd(20_000, () => ({})), crowd(20_000, () => ({ slots: full })), crowd(20_000, () => ({ slots: noRoom }))];
    const [idle, busy, exhausted] = fleets.map((fleet) => indexOf(fleet, routingContext()));
    expect(idle?.select(requestSpec(), routingContext())).toMatchObject({ tied: 20_000, visits: 2 });
    expect(idle?.select(requestSpec(), routingContext()).winner).toBeDefined();
    expect(busy?.select(requestSpec(), routingContext())).toMatchObject({ winner: undefined, refusals: { concurrency: 20_000 } });
    for (let ask = 0; ask < 3; ask += 1) {
      expect(exhausted?.select(requestSpec(), routingContext())).toMatchObject({ winner: undefined, refusals: { capacity: 20_000 } });
    }
  });

  it("overlooks the open breaker of an own machine where nobody else could serve, now or soon", () => {
    const own = providerView({ id: "own", accountId: "account-consumer", privateOnly: true, breakerOpenUntil_ms: NOW_MS + 1 });
    const busy = providerView({ id: "busy", slots: slots(slotView({ running: 8 })) });
    const spec = requestSpec({ route: "prefer" });
    expect(indexOf([own], routingContext()).select(spec, routingContext()).winner?.providerId).toBe("own");
    expect(indexOf([own, busy], routingContext()).select(spec, routingContext()).winner).toBeUndefined();
  });

  it("goes by the weights that a request names", () => {
    const other = "cd".repeat(32);
    const index = indexOf(
      [providerView({ id: "old" }), providerView({ id: "new", builds: builds(buildView({ weightHash: other })) })],
      routingContext(),
    );
    const winnerFor = (weightHash: string) => index.select(requestSpec({ weightHash }), routingContext()).winner?.providerId;
    expect([winnerFor(WEIGHT_HASH), winnerFor(other), winnerFor(WEIGHT_HASH)]).toEqual(["old", "new", "old"]);
  });

  it("knows who offers a build", () => {
    const index = indexOf([providerView({ id: "a" }), providerView({ id: "b", builds: builds() })], routingContext());
    expect([...index.views(BUILD)].map(({ id }) => id)).toEqual(["a"]);
    expect(index.get("b")?.id).toBe("b");
    index.remove("a");
    expect([...index.views(BUILD)]).toEqual([]);
    expect(index.select(requestSpec(), routingContext())).toMatchObject({ winner: undefined, considered: 0 });
  });
});
