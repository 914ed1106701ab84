import type { Arrival } from "./arrivals.js";
import type { SimulatedBuild } from "./fleet-mix.js";
import type { SimulatedMachine } from "./machine.js";
import type { Recorder } from "./recorder.js";
import type { Scenario } from "./scenario.js";
import { chance } from "./streams.js";

/** Machines looked at in a whole run, about, so that the oracle stays a small part of it. */
const LOOKS_MAX = 100_000;
const SAMPLED_MAX = 0.1;
/** Refusals that are checked. */
const CHECKED_MAX = 5_000;
const SALT = 0x0ac1e;

/** Knows the true state of every machine, and judges by it what the coordinator made of what it had been told. */
export class Oracle {
  readonly #carriers: readonly SimulatedMachine[][];
  readonly #share: number;
  #checked = 0;

  constructor(
    private readonly scenario: Scenario,
    builds: readonly SimulatedBuild[],
    machines: readonly SimulatedMachine[],
    private readonly isUp: (machine: number) => boolean,
    private readonly recorder: Recorder,
  ) {
    const carriers: SimulatedMachine[][] = builds.map(() => []);
    for (const machine of machines) for (const build of machine.spec.builds) carriers[build]?.push(machine);
    this.#carriers = carriers;
    const carried = this.#carriers.reduce((sum, { length }) => sum + length, 0) / Math.max(1, builds.length);
    const looks = scenario.traffic.rate_per_s * scenario.duration_s * carried;
    this.#share = Math.min(SAMPLED_MAX, LOOKS_MAX / looks);
  }

  placed(arrival: Arrival, chosen: SimulatedMachine, now_ms: number): void {
    if (now_ms < this.scenario.warmup_s * 1000 || chance(this.scenario.seed, SALT, arrival.number) >= this.#share) return;
    const chosen_ms = firstToken_ms(chosen, arrival, now_ms);
    const best_ms = this.#best_ms(arrival, now_ms);
    // A full machine would let it wait: as long as nobody knows, it counts as the most that is waited.
    if (best_ms < Number.POSITIVE_INFINITY) this.recorder.regretted(Math.max(0, Math.min(chosen_ms, REGRET_MS_MAX) - best_ms));
  }

  refused(arrival: Arrival, now_ms: number): void {
    if (now_ms < this.scenario.warmup_s * 1000 || this.#checked >= CHECKED_MAX) return;
    this.#checked += 1;
    const { ttft_s, ttft_per_prompt_token_ms } = this.scenario.target;
    this.recorder.refusalChecked(this.#best_ms(arrival, now_ms) <= ttft_s * 1000 + ttft_per_prompt_token_ms * arrival.promptTokens);
  }

  #best_ms(arrival: Arrival, now_ms: number): number {
    let best_ms = Number.POSITIVE_INFINITY;
    for (const machine of this.#carriers[arrival.build] ?? []) {
      if (!machine.misbehaviour.isFaulty && this.isUp(machine.spec.number))
        best_ms = Math.min(best_ms, firstToken_ms(machine, arrival, now_ms));
    }
    return best_ms;
  }
}

const REGRET_MS_MAX = 60_000;

function firstToken_ms(machine: SimulatedMachine, { build, promptTokens, maxOutputTokens }: Arrival, now_ms: number): number {
  return 2 * machine.spec.latency_ms + machine.firstToken_ms(build, promptTokens, maxOutputTokens, now_ms);
}
