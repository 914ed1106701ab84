import { describe, expect, it } from "vitest";
import { type Activation, formerWeights } from "./former-weights.js";

const HOUR_ms = 3_600_000;
const NOW = new Date("2026-03-02T12:00:00Z");
const DAY_AGO = new Date(NOW.getTime() - 24 * HOUR_ms);
/** Written in order of time; the function takes the latest first. */
const history = (...steps: readonly (readonly [version: number, hoursAgo: number, revoked?: "revoked"])[]): Activation[] =>
  steps
    .map(([version, hoursAgo, revoked]) => ({
      ...{ version: BigInt(version), weightHash: `hash ${version}`, isRevoked: revoked !== undefined },
      at: new Date(NOW.getTime() - hoursAgo * HOUR_ms),
    }))
    .reverse();

describe("weights that were replaced under one id", () => {
  it.each([
    ["nothing was replaced", history([1, 1]), []],
    ["it was an hour ago", history([1, 100], [2, 1]), ["hash 1"]],
    ["it was a day ago", history([1, 100], [2, 24]), []],
    ["it was twice, lately", history([1, 100], [2, 2], [3, 1]), ["hash 2", "hash 1"]],
    ["once lately, once long ago", history([1, 100], [2, 50], [3, 1]), ["hash 2"]],
    ["they were revoked", history([1, 100, "revoked"], [2, 1]), []],
    ["they were gone back to", history([1, 100], [2, 2], [1, 1]), []],
    ["the next version came after a return", history([1, 100], [2, 50], [1, 49], [3, 1]), ["hash 1"]],
    ["nothing was ever in service", [], []],
  ])("are good for a day: %s", (_what, activations, former) => {
    expect(formerWeights(activations, DAY_AGO)).toEqual(former);
  });
});
