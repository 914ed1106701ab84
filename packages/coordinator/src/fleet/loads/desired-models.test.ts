import { describe, expect, it } from "vitest";
import { desiredModels } from "./desired-models.js";
import type { FleetAlias, WithdrawnBuild } from "./fleet-catalog.js";

const alias = (change: Partial<FleetAlias> = {}): FleetAlias => ({
  name: "plant",
  desired: "new",
  previous: "old",
  retired: ["oldest"],
  wave_percent: 100,
  ...change,
});
const told = (
  builds: readonly string[],
  { aliases = [alias()], withdrawn = [], id = "machine" }: { aliases?: FleetAlias[]; withdrawn?: WithdrawnBuild[]; id?: string } = {},
) =>
  desiredModels(
    { aliases: () => aliases, withdrawn: () => withdrawn, revision: () => 7 },
    { id, builds: new Map(builds.map((build) => [build, { weightHash: `hash of ${build}` }])) },
  );

describe("what a machine is told of names", () => {
  it.each(["new", "old", "oldest"])("is what they stand for, if it offers %s", (build) => {
    expect(told([build])).toEqual({
      type: "desired_models",
      models: [{ model_name: "plant", desired_build: "new", previous_build: "old" }],
      revision: 7,
    });
  });

  it("is nothing, if it offers none of their builds", () => {
    expect(told(["other"]).models).toEqual([]);
  });

  it("comes to so many machines at a time, and stays so as the wave grows", () => {
    const machines = Array.from({ length: 400 }, (_, index) => `machine-${index}`);
    const reached = (wave_percent: number) =>
      machines.filter((id) => told(["old"], { id, aliases: [alias({ wave_percent })] }).models[0]?.desired_build === "new");
    expect(reached(25).length / machines.length).toBeCloseTo(0.25, 1);
    expect(reached(50)).toEqual(expect.arrayContaining(reached(25)));
    expect([reached(0).length, reached(100).length]).toEqual([0, machines.length]);
  });

  it("is the build before while its turn has not come, unless it has the new one already", () => {
    const aliases = [alias({ wave_percent: 0 })];
    expect(told(["old"], { aliases }).models).toEqual([{ model_name: "plant", desired_build: "old" }]);
    expect(told(["old", "new"], { aliases }).models).toEqual([{ model_name: "plant", desired_build: "new", previous_build: "old" }]);
    expect(told(["oldest"], { aliases: [alias({ previous: undefined, wave_percent: 0 })] }).models).toMatchObject([
      { desired_build: "new" },
    ]);
  });
});

describe("what a machine may not offer any more", () => {
  const withdrawn: WithdrawnBuild[] = [
    { modelId: "old", weightHash: "hash of old", kind: "revoked" },
    { modelId: "new", weightHash: "hash of an earlier new", kind: "revoked" },
    { modelId: "other", weightHash: "hash of other", kind: "retired" },
  ];
  it("is told for the very files that it has", () => {
    expect(told(["old", "new"], { withdrawn }).withdrawn).toEqual([{ model_id: "old", weight_hash: "hash of old", reason: "revoked" }]);
  });
  it("is left out where there is nothing", () => {
    expect(told(["new"], { withdrawn })).not.toHaveProperty("withdrawn");
  });
});
