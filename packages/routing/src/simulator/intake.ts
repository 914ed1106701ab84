import { AffinityTable } from "../affinity/affinity-table.js";
import { type DispatchInput, type DispatchLimits, hedgeDelay_ms } from "../dispatch/index.js";
import type { ObservedRates } from "../rates/observed-rates.js";
import type { Affinity, RequestSpec } from "../types.js";
import type { Arrival } from "./arrivals.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import type { SimulatedMachine } from "./machine.js";
import { ownerOf, WEIGHT_HASH } from "./report.js";
import type { Scenario } from "./scenario.js";
import { chance } from "./streams.js";

/** What the coordinator makes of a request before it looks for a machine. */
export class Intake {
  readonly #affinity = new AffinityTable(AFFINITY_LIMITS);
  /** Numbers of the machines that offer each build; empty where owners ask for nothing. */
  readonly #offering: readonly number[][];

  constructor(
    private readonly scenario: Scenario,
    private readonly builds: readonly SimulatedBuild[],
    machines: readonly SimulatedMachine[],
    private readonly hedging: boolean,
    private readonly rates: ObservedRates,
  ) {
    this.#offering = builds.map(() => []);
    if (scenario.traffic.owners === undefined) return;
    for (const { spec } of machines) for (const build of spec.builds) this.#offering[build]?.push(spec.number);
  }

  taken(arrival: Arrival, now_ms: number): { readonly spec: RequestSpec; readonly input: DispatchInput } {
    const limits = this.#limits(arrival);
    const spec = this.#specOf(arrival, limits, now_ms);
    return { spec, input: { limits, hedgeDelay_ms: this.#hedgeDelay_ms(spec, limits), isWhole: false } };
  }

  /** The machine holds the conversation as far as it has been said. */
  answered({ conversation, promptTokens }: Arrival, machineId: string, now_ms: number): void {
    if (conversation !== undefined) this.#affinity.served([{ key: String(conversation), tokens: promptTokens }], machineId, now_ms);
  }

  #specOf(arrival: Arrival, { firstContent_ms }: DispatchLimits, now_ms: number): RequestSpec {
    const { id, kvBytesPerToken } = entry(this.builds, arrival.build);
    const owner = this.#ownerOf(arrival);
    return {
      requestId: String(arrival.number),
      build: id,
      weightHash: WEIGHT_HASH,
      accountId: owner === undefined ? `account-${arrival.account}` : ownerOf(owner),
      promptTokens: arrival.promptTokens,
      maxOutputTokens: arrival.maxOutputTokens,
      needsTools: arrival.tools,
      needsVision: arrival.vision,
      excluded: NOBODY,
      allowedMachines: undefined,
      route: owner === undefined ? ("public" as const) : (this.scenario.traffic.owners?.route ?? "public"),
      avoidVersion: undefined,
      ttftCeiling_ms: this.scenario.coordinator.ttft_gate === "hard" ? firstContent_ms : undefined,
      kvBytesPerToken,
      ...(arrival.conversation !== undefined && { affinity: this.#affinityOf(arrival.conversation, arrival, now_ms) }),
    };
  }

  /** The machine whose owner asks; undefined where it is somebody else. */
  #ownerOf({ number, build }: Arrival): number | undefined {
    const { seed, traffic } = this.scenario;
    const offering = this.#offering[build] ?? [];
    if (traffic.owners === undefined || chance(seed, OWNERS, number) >= traffic.owners.share) return undefined;
    return offering[Math.floor(chance(seed, OWNERS + 1, number) * offering.length)];
  }

  /** What is known of the prompt's beginning. A whole conversation goes by one mark here: that of its last prompt. */
  #affinityOf(conversation: number, { sharedTokens }: Arrival, now_ms: number): Affinity {
    const key = String(conversation);
    const holder = this.#affinity.holderOf([{ key, tokens: sharedTokens }], now_ms);
    return { machineId: holder?.machineId, matched_tokens: holder?.tokens ?? 0, placement: key };
  }

  #limits({ promptTokens }: Arrival): DispatchLimits {
    const { first_content_base_s, first_content_per_token_ms } = this.scenario.coordinator;
    const firstContent_ms = first_content_base_s * 1000 + first_content_per_token_ms * promptTokens;
    const { contentBudget_ms, loading_ms, loadingSilence_ms, idle_ms, grace_ms } = LATER_LIMITS;
    return { firstContent_ms, contentBudget_ms, loading_ms, loadingSilence_ms, idle_ms, grace_ms };
  }

  #hedgeDelay_ms({ build, promptTokens }: RequestSpec, { firstContent_ms }: DispatchLimits): number | undefined {
    if (!this.hedging || !this.scenario.coordinator.hedging) return undefined;
    return hedgeDelay_ms(firstContent_ms, this.rates.firstContentP90_ms(build, promptTokens));
  }
}

const AFFINITY_LIMITS = { ttl_ms: 600_000, entries_max: 100_000 } as const;
const OWNERS = 0x0eed;
const NOBODY: ReadonlySet<string> = new Set();
/** The coordinator's own defaults (`UMBEL_CONTENT_BUDGET` and so on). */
const LATER_LIMITS = {
  contentBudget_ms: 120_000,
  loading_ms: 180_000,
  loadingSilence_ms: 90_000,
  idle_ms: 600_000,
  grace_ms: 30_000,
} as const;
