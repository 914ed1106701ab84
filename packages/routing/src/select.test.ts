import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_COST_PROFILE } from "./cost/profile.js";
import { GATES } from "./gates/index.js";
import { OWNER_RELAXATION, PROFILE_OMISSIONS } from "./gates/profiles.js";
import { seededRandom } from "./random.js";
import { RESTING_REASONS, select } from "./select.js";
import * as arbitrary from "./testing/arbitraries.js";
import { BUILD, NOW_MS, providerView, requestSpec, routingContext, slots, slotView } from "./testing/fixtures.js";
import { REFUSAL_CASES } from "./testing/refusals.js";
import { type ProviderView, REFUSAL_REASONS, type RefusalReason, type RequestSpec, type RoutingContext } from "./types.js";

const RUNS = { numRuns: 2000, seed: 20_260_101 };

/** The reason by the letter of the rule, written anew: every gate in order, less what the profile omits, less what an owner is spared. */
function expectedReason(provider: ProviderView, spec: RequestSpec, context: RoutingContext, omitted: readonly RefusalReason[]) {
  const owner = spec.route !== "public" && provider.accountId === spec.accountId;
  const spared = owner ? [...omitted, ...OWNER_RELAXATION] : omitted;
  return GATES.find((gate) => !spared.includes(gate.reason) && gate.refuses(provider, spec, context))?.reason;
}

function count(reasons: readonly (RefusalReason | undefined)[]): Partial<Record<RefusalReason, number>> {
  const counts: Partial<Record<RefusalReason, number>> = {};
  for (const reason of reasons) if (reason) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

describe("selection, for any fleet and request", () => {
  const cases = fc.tuple(arbitrary.fleet, arbitrary.spec, arbitrary.context, fc.nat());

  it("never picks a machine that a gate of the profile refuses, and reports the first gate for each of the others", () => {
    let picked = 0;
    fc.assert(
      fc.property(cases, fc.constantFrom("select", "select_failopen", "preview"), ([fleet, spec, base, seed], profile) => {
        const context = { ...base, random: seededRandom(seed) };
        const decision = select(fleet, spec, context, profile);
        const omitted = decision.failedOpen ? PROFILE_OMISSIONS.select_failopen : PROFILE_OMISSIONS[profile];
        const reasons = fleet.map((provider) => expectedReason(provider, spec, context, omitted));

        expect(decision.refusals).toEqual(count(reasons));
        expect(decision.considered).toBe(fleet.length);
        expect(decision.candidates).toBe(reasons.filter((reason) => reason === undefined).length);
        expect(decision.winner === undefined).toBe(decision.candidates === 0);
        if (!decision.winner) return;
        const index = fleet.findIndex(({ id }) => id === decision.winner?.providerId);
        expect(reasons[index]).toBeUndefined();
        picked++;
      }),
      RUNS,
    );
    // The fleets are neither all fit nor all unfit, or the property would say nothing.
    expect(picked).toBeGreaterThan(RUNS.numRuns / 4);
    expect(picked).toBeLessThan(RUNS.numRuns);
  });

  it("is the same for the same seed, and iterates over the fleet once", () => {
    fc.assert(
      fc.property(cases, ([fleet, spec, base, seed]) => {
        const first = select(fleet, spec, { ...base, random: seededRandom(seed) });
        const again = select(fleet.values(), spec, { ...base, random: seededRandom(seed) });
        expect(again).toEqual(first);
      }),
      { ...RUNS, numRuns: 500 },
    );
  });

  it("can be replayed from the recorded draw", () => {
    let drawn = 0;
    fc.assert(
      fc.property(cases, ([fleet, spec, base, seed]) => {
        const first = select(fleet, spec, { ...base, random: seededRandom(seed) });
        expect(select(fleet, spec, { ...base, random: () => first.draw ?? Number.NaN })).toEqual(first);
        if (first.draw !== undefined) drawn++;
      }),
      { ...RUNS, numRuns: 500 },
    );
    expect(drawn).toBeGreaterThan(20);
  });

  it("records a cost that is the sum of its terms, never negative", () => {
    fc.assert(
      fc.property(cases, ([fleet, spec, base, seed]) => {
        const { winner } = select(fleet, spec, { ...base, random: seededRandom(seed) });
        if (!winner) return;
        expect(Object.values(winner.terms).reduce((sum, term_ms) => sum + term_ms, 0)).toBe(winner.total_ms);
        expect(winner.total_ms).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(winner.total_ms)).toBe(true);
      }),
      { ...RUNS, numRuns: 500 },
    );
  });

  it("overlooks rests only when nobody else could serve and nobody was merely busy", () => {
    const outcomes = { opened: 0, waited: 0 };
    fc.assert(
      fc.property(cases, ([fleet, spec, base, seed]) => {
        const context = { ...base, random: seededRandom(seed) };
        const strict = count(fleet.map((provider) => expectedReason(provider, spec, context, [])));
        const anyone = fleet.some((provider) => expectedReason(provider, spec, context, []) === undefined);
        const busy = strict.concurrency !== undefined || strict.capacity !== undefined || strict.ttft_ceiling !== undefined;
        const relaxed = fleet.some((provider) => expectedReason(provider, spec, context, RESTING_REASONS) === undefined);
        expect(select(fleet, spec, context).failedOpen).toBe(!anyone && !busy && relaxed);
        if (!anyone && relaxed) outcomes[busy ? "waited" : "opened"]++;
      }),
      RUNS,
    );
    expect(outcomes.opened).toBeGreaterThan(20);
    expect(outcomes.waited).toBeGreaterThan(20);
  });
});

describe("failing open", () => {
  const resting = providerView({ id: "resting", breakerOpenUntil_ms: NOW_MS + 1 });
  const decide = (...fleet: ProviderView[]) => select(fleet, requestSpec(), routingContext());

  it("picks a machine with an open breaker when all have one, so that a bad release cannot stop routing", () => {
    const decision = decide(resting, { ...resting, id: "resting-too", breakerOpenUntil_ms: NOW_MS + 9 });
    expect(decision).toMatchObject({ failedOpen: true, considered: 2, candidates: 2, refusals: {} });
    expect(decision.winner).toBeDefined();
  });

  it("picks an only machine that has failed this kind of request twice", () => {
    const cooling = providerView({ errorCooldownUntil_ms: new Map([[`base ${BUILD}`, NOW_MS + 1]]) });
    expect(decide(cooling)).toMatchObject({ failedOpen: true, candidates: 1 });
    expect(decide(cooling, providerView({ id: "sound" })).winner?.providerId).toBe("sound");
  });

  it("waits for a busy healthy machine instead", () => {
    const busy = providerView({ id: "busy", slots: slots(slotView({ running: 8 })) });
    expect(decide(resting, busy)).toMatchObject({ failedOpen: false, winner: undefined, refusals: { breaker_open: 1, concurrency: 1 } });
  });

  it("does not overlook anything else", () => {
    expect(decide({ ...resting, sealing: false })).toMatchObject({ failedOpen: false, winner: undefined, refusals: { breaker_open: 1 } });
    expect(decide(resting, { ...resting, sealing: false })).toMatchObject({
      failedOpen: true,
      considered: 2,
      refusals: { privacy_unsupported: 1 },
    });
  });

  it("prefers a machine whose breaker is closed", () => {
    expect(decide(resting, providerView({ id: "well", memoryPressure: 1 })).winner?.providerId).toBe("well");
  });
});

describe("a decision", () => {
  it("counts every reason in the closed vocabulary", () => {
    for (const reason of REFUSAL_REASONS) {
      const { provider, spec, context } = REFUSAL_CASES[reason];
      const decision = select([providerView(provider)], requestSpec(spec), routingContext(context), "select");
      const expected = RESTING_REASONS.includes(reason) ? {} : { [reason]: 1 };
      expect(decision.refusals).toEqual(expected);
    }
  });

  it("says so when nobody is there", () => {
    expect(select([], requestSpec(), routingContext())).toMatchObject({ winner: undefined, considered: 0, candidates: 0, refusals: {} });
  });

  it("gives the least estimate to the first token, also of machines above the ceiling, unless one is unknown", () => {
    const quick = providerView({ id: "quick" });
    const slow = providerView({ id: "slow", slots: slots(slotView({ waiting: 3 })) });
    const silent = providerView({ id: "silent", slots: undefined });
    const best = (fleet: ProviderView[], ttftCeiling_ms?: number) =>
      select(fleet, requestSpec({ ttftCeiling_ms }), routingContext()).bestTtft_ms;
    expect(best([slow, quick])).toBe(120);
    expect(best([slow], 200)).toBe(420);
    expect(best([slow, quick, silent])).toBeUndefined();
    expect(best([])).toBeUndefined();
  });

  it("names the version of the coefficients", () => {
    expect(select([providerView()], requestSpec(), routingContext({ costProfile: DEFAULT_COST_PROFILE })).costProfile).toBe(
      DEFAULT_COST_PROFILE.version,
    );
  });
});
