import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstRefusal, STANDING_GATES, type StandingProfileName } from "../gates/profiles.js";
import { context as anyContext, fleet as anyFleet, spec as anySpec } from "../testing/arbitraries.js";
import { NOW_MS, providerView, requestSpec, routingContext } from "../testing/fixtures.js";
import { createFleetIndex } from "./index.js";

const anyProfile = fc.constantFrom(...(Object.keys(STANDING_GATES) as StandingProfileName[]));

describe("whether somebody passes a standing profile", () => {
  it("is what a look at every machine would say", { timeout: 60_000 }, () => {
    const said = { true: 0, false: 0 };
    fc.assert(
      fc.property(anyFleet, anySpec, anyContext, anyProfile, (fleet, spec, rest, profile) => {
        const context = routingContext(rest);
        const index = createFleetIndex();
        for (const view of fleet) index.set(view, context);
        const reachable = fleet.filter(
          ({ builds, machineId, accountId }) =>
            builds.has(spec.build) &&
            (spec.route !== "self" || accountId === spec.accountId) &&
            (spec.allowedMachines === undefined || spec.allowedMachines.has(machineId)),
        );
        const passes = reachable.some((view) => firstRefusal(profile, view, spec, context) === undefined);
        // Own machines of a request that prefers them are asked for by themselves.
        const found =
          index.someone(profile, spec, context) || (spec.route === "prefer" && index.someone(profile, { ...spec, route: "self" }, context));
        expect(found).toBe(passes);
        said[`${passes}`] += 1;
      }),
      { numRuns: 400 },
    );
    expect(Math.min(said.true, said.false)).toBeGreaterThan(20);
  });

  it("is found out without looking at those that are sorted under a gate of the profile", () => {
    const index = createFleetIndex();
    let looked = 0;
    const context = routingContext();
    for (let number = 0; number < 1_000; number += 1) {
      index.set(providerView({ id: `session-${number}`, trusted: number % 500 === 499 }), context);
    }
    const suits = () => {
      looked += 1;
      return true;
    };
    expect(index.someone("alias_probe", requestSpec(), context, suits)).toBe(true);
    expect(index.someone("alias_probe", requestSpec(), context, () => false)).toBe(false);
    expect(looked).toBe(1);
  });

  it("changes with time, without news of the machine", () => {
    const index = createFleetIndex();
    index.set(providerView({ challengedAt_ms: NOW_MS }), routingContext());
    const at = (now_ms: number) => index.someone("alias_probe", requestSpec(), routingContext({ now_ms }));
    expect([at(NOW_MS + 960_000), at(NOW_MS + 960_001)]).toEqual([true, false]);
  });
});
