import { arrivals, traceArrivals, tracedBuildIds } from "./arrivals.js";
import type { Figures, Point } from "./figures.js";
import { entry, machineSpecs, type SimulatedBuild, simulatedBuilds } from "./fleet-mix.js";
import { POLICIES, type PolicyName } from "./policies.js";
import type { Scenario, TraceRow } from "./scenario.js";
import { World } from "./world.js";

export interface PolicyRun {
  readonly policy: PolicyName;
  readonly figures: Figures;
  readonly points: readonly Point[];
}

export interface SimulationOptions {
  readonly policy: PolicyName;
  /** Takes the place of generated requests. */
  readonly trace?: readonly TraceRow[];
  /** Called now and then with the virtual time that has passed, in milliseconds. */
  readonly onProgress?: (now_ms: number) => void;
}

/**
 * Runs one scenario under one policy, in virtual time: the production code of selection, queueing, dispatch and health memory over modelled
 * machines. The same scenario and policy give the same figures, to the last digit, on any machine.
 */
export function simulate(scenario: Scenario, { policy, trace, onProgress = () => undefined }: SimulationOptions): PolicyRun {
  const builds = named(simulatedBuilds(scenario), trace);
  const world = new World({
    scenario,
    builds,
    specs: machineSpecs(scenario, builds),
    arrivals: trace === undefined ? arrivals(scenario, builds) : traceArrivals(scenario, trace, builds),
    policy: POLICIES[policy],
    onProgress,
  });
  world.run();
  return { policy, figures: world.recorder.figures(), points: world.recorder.points() };
}

/** The builds that a trace asks for, in the place of as many invented ones. */
function named(builds: readonly SimulatedBuild[], trace: readonly TraceRow[] | undefined): readonly SimulatedBuild[] {
  if (trace === undefined) return builds;
  const ids = tracedBuildIds(trace);
  return Array.from({ length: Math.max(ids.length, builds.length) }, (_, index) => {
    const build = entry(builds, index % builds.length);
    return { ...build, id: ids[index] ?? build.id };
  });
}
