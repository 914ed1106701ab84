import type { PressureKind } from "../warm/build-memory.js";
import { createWarmPlanner, type WarmEvent, type WarmPlanner } from "../warm/planner.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import type { Lines } from "./lines.js";
import type { SimulatedMachine } from "./machine.js";
import type { Placement } from "./placement.js";
import { machineNumber, WEIGHT_HASH } from "./report.js";
import type { Scenario } from "./scenario.js";

/** The planner of what is in memory where, told of what happens and obeyed by the machines. */
export class Warmth {
  readonly #planner: WarmPlanner | undefined;
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(
    scenario: Scenario,
    private readonly builds: readonly SimulatedBuild[],
    private readonly machines: readonly SimulatedMachine[],
    private readonly placement: Placement,
    private readonly lines: Lines,
  ) {
    if (scenario.coordinator.warm_planner) this.#planner = createWarmPlanner();
    this.#numbers = new Map(builds.map(({ id }, index) => [id, index]));
  }

  pressed(type: PressureKind, build: string, now_ms: number): void {
    this.#planner?.record({ type, build }, now_ms);
  }

  record(event: WarmEvent, now_ms: number): void {
    this.#planner?.record(event, now_ms);
  }

  /** @returns machines that have been told something */
  plan(now_ms: number): readonly SimulatedMachine[] {
    if (this.#planner === undefined) return [];
    for (const build of this.lines.busy()) {
      this.#planner.record({ type: "queue", build: entry(this.builds, build).id, ...this.lines.queue(build) }, now_ms);
    }
    const catalog = (build: string) => {
      const number = this.#numbers.get(build);
      return number === undefined ? undefined : { weightHash: WEIGHT_HASH, kvBytesPerToken: entry(this.builds, number).kvBytesPerToken };
    };
    const { commands } = this.#planner.plan(this.placement.selector, this.placement.context(now_ms), catalog);
    return commands.map((command) => {
      const machine = entry(this.machines, machineNumber(command.providerId));
      const build = this.#numberOf(command.build);
      if (command.type === "unload") machine.unload(build);
      else
        machine.load(
          build,
          command.evict.map((evicted) => this.#numberOf(evicted)),
          now_ms,
        );
      return machine;
    });
  }

  #numberOf(build: string): number {
    const number = this.#numbers.get(build);
    if (number === undefined) throw new Error(`the planner named ${build}, which the scenario does not have`);
    return number;
  }
}
