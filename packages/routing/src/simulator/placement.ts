import type { CostProfile } from "../cost/profile.js";
import { type AttemptOutcome, HealthMemory } from "../health/health-memory.js";
import { type Placed, PlacedWork } from "../placed/placed-work.js";
import { createObservedRates } from "../rates/observed-rates.js";
import type { Decision, ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import type { SimulatedMachine } from "./machine.js";
import type { Selector } from "./policies.js";
import { heartbeatOf, machineIdOf, registeredView } from "./report.js";

/** A place on a machine, held for one attempt. */
export interface Held {
  readonly machine: SimulatedMachine;
  readonly sessionId: string;
  readonly build: string;
  readonly placed: Placed;
  /** When it was placed on the machine. */
  readonly began_ms: number;
}

/** What the coordinator knows of its machines, and which work it has placed on them. */
export class Placement {
  readonly rates = createObservedRates();
  readonly #health = new HealthMemory();
  /** By machine; a machine that is not connected has none. */
  readonly #views: (ProviderView | undefined)[] = [];
  /** By machine. */
  readonly #work: (PlacedWork | undefined)[] = [];
  readonly #connections: number[] = [];
  /** Machines of which health memory may have learnt something that their views do not say yet. */
  readonly #unapplied = new Set<number>();
  readonly #machines = new Map<string, SimulatedMachine>();

  constructor(
    readonly selector: Selector,
    private readonly builds: readonly SimulatedBuild[],
    private readonly random: () => number,
    private readonly costProfile: CostProfile,
  ) {}

  connected(machine: SimulatedMachine, now_ms: number): void {
    const { number } = machine.spec;
    const connection = (this.#connections[number] ?? 0) + 1;
    this.#connections[number] = connection;
    const view = registeredView(machine, `session-${number}-${connection}`, this.builds, now_ms);
    this.#machines.set(view.id, machine);
    this.#unapplied.add(number);
    const work = new PlacedWork();
    this.#work[number] = work;
    this.#put(machine, work.heartbeat(view, heartbeatOf(machine, this.builds)), now_ms);
  }

  /** @returns the session that has ended; undefined if there was none */
  disconnected(machine: SimulatedMachine): string | undefined {
    const view = this.#views[machine.spec.number];
    if (view === undefined) return undefined;
    this.#views[machine.spec.number] = this.#work[machine.spec.number] = undefined;
    this.#machines.delete(view.id);
    this.selector.remove(view.id);
    return view.id;
  }

  /** The machine's session; undefined while it is not connected. */
  sessionOf(machine: SimulatedMachine): string | undefined {
    return this.#views[machine.spec.number]?.id;
  }

  machineOf(sessionId: string): SimulatedMachine {
    const machine = this.#machines.get(sessionId);
    if (machine === undefined) throw new Error(`${sessionId} was chosen and is not connected`);
    return machine;
  }

  heartbeat(machine: SimulatedMachine, now_ms: number): void {
    const { view, work } = this.#of(machine);
    if (view === undefined || work === undefined) return;
    for (const slot of machine.slots.values()) {
      const { id } = entry(this.builds, slot.build);
      if (slot.decode_tps !== view.slots?.get(id)?.observedDecode_tps) this.rates.decoded(id, view.computeClass, slot.decode_tps);
    }
    this.#put(machine, work.heartbeat(view, heartbeatOf(machine, this.builds)), now_ms);
  }

  select(spec: RequestSpec, now_ms: number): Decision {
    return this.selector.select(spec, this.context(now_ms));
  }

  hold(
    machine: SimulatedMachine,
    build: string,
    demand: { readonly tokens: number; readonly unread_tokens: number },
    now_ms: number,
  ): { readonly view: ProviderView; readonly placed: Placed } {
    const { view, work } = this.#of(machine);
    if (view === undefined || work === undefined) throw new Error(`machine ${machine.spec.number} was chosen and is not connected`);
    this.#health.reserved(view.machineId, now_ms);
    this.#unapplied.add(machine.spec.number);
    this.rates.placed(build, now_ms);
    const held = work.place(view, build, demand);
    this.#put(machine, held.view, now_ms);
    return { view, placed: held.placed };
  }

  /** It leaves for the machine. @returns its number among the requests of the connection */
  sent({ machine, placed }: Held): number {
    return this.#work[machine.spec.number]?.sent(placed) ?? 0;
  }

  /** The machine has begun to answer. */
  read(held: Held, now_ms: number): void {
    this.#change(held, now_ms, (work, view) => (held.placed.unread_tokens > 0 ? work.read(view, held.placed) : view));
  }

  /** The machine has said its last word on it. */
  ended(held: Held, now_ms: number): void {
    this.#change(held, now_ms, (work, view) => work.ended(view, held.placed));
  }

  release(held: Held, now_ms: number): void {
    this.rates.freed(held.build, now_ms);
    this.#change(held, now_ms, (work, view) => work.released(view, held.placed));
  }

  judge({ machine, began_ms }: Held, { build, needsTools }: RequestSpec, outcome: AttemptOutcome, now_ms: number): void {
    this.#unapplied.add(machine.spec.number);
    this.#health.judged(machineIdOf(machine.spec.number), { build, needsTools, began_ms }, outcome, now_ms);
  }

  context(now_ms: number): RoutingContext {
    const { random, rates, costProfile } = this;
    // Challenges are not part of a simulation: a machine that is connected has passed its own.
    return { now_ms, random, rates, costProfile, minTrust: "none", minVersion: "0", challengeFreshness_ms: Number.MAX_SAFE_INTEGER };
  }

  #of({ spec }: SimulatedMachine): { readonly view: ProviderView | undefined; readonly work: PlacedWork | undefined } {
    return { view: this.#views[spec.number], work: this.#work[spec.number] };
  }

  #change({ machine, sessionId }: Held, now_ms: number, change: (work: PlacedWork, view: ProviderView) => ProviderView): void {
    const { view, work } = this.#of(machine);
    if (view?.id !== sessionId || work === undefined) return;
    const changed = change(work, view);
    if (changed !== view) this.#put(machine, changed, now_ms);
  }

  #put(machine: SimulatedMachine, changed: ProviderView, now_ms: number): void {
    const { number } = machine.spec;
    const view = this.#unapplied.delete(number) ? this.#health.applied(changed) : changed;
    this.#views[number] = view;
    this.selector.set(view, this.context(now_ms));
  }
}
