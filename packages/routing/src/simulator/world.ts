import type { Arrival } from "./arrivals.js";
import { type Outside, SimulatedCoordinator } from "./coordinator.js";
import { draw, exponential } from "./distribution.js";
import { EventHeap } from "./event-heap.js";
import { entry, type MachineSpec, type SimulatedBuild } from "./fleet-mix.js";
import type { Attempt, LiveRequest } from "./live-request.js";
import { SimulatedMachine } from "./machine.js";
import { Oracle } from "./oracle.js";
import { Parcels } from "./parcels.js";
import type { Policy } from "./policies.js";
import { Recorder } from "./recorder.js";
import type { Scenario } from "./scenario.js";
import { chance, streamOf } from "./streams.js";
import type { Saying, Work } from "./work.js";

/** Kinds of events. */
const ARRIVE = 0;
const WAKE = 1;
const DELIVER = 2;
const CANCEL = 3;
const SAY = 4;
const HEARTBEAT = 5;
const TICK = 6;
const EXPIRE = 7;
const SAMPLE = 8;
const GO_DOWN = 9;
const COME_UP = 10;
const PLAN = 11;
const LEAVE = 12;

/** Between two looks of the planner (routing.md §13.3). */
const PLAN_INTERVAL_MS = 10_000;

export interface WorldParts {
  readonly scenario: Scenario;
  readonly builds: readonly SimulatedBuild[];
  readonly specs: readonly MachineSpec[];
  readonly arrivals: Iterator<Arrival>;
  readonly policy: Policy;
  /** Called now and then with the virtual time that has passed. */
  readonly onProgress: (now_ms: number) => void;
}

/** One run: machines, network and consumers around the coordinator, in virtual time. */
export class World {
  readonly recorder: Recorder;
  readonly #heap = new EventHeap();
  readonly #machines: readonly SimulatedMachine[];
  readonly #coordinator: SimulatedCoordinator;
  readonly #oracle: Oracle;
  readonly #down = new Set<number>();
  /** Machines whose next heartbeat is planned. */
  readonly #beating = new Set<number>();
  /** On the wire, by number. */
  readonly #attempts = new Parcels<Attempt>();
  readonly #sayings = new Parcels<{ readonly machine: SimulatedMachine; readonly work: Work; readonly saying: Saying }>();
  /** Over the machines that are up: streams, machines that have some, and places for streams. */
  readonly #load = { writing: 0, busyMachines: 0, places: 0 };
  readonly #faultDice: () => number;
  readonly #consumerDice: () => number;
  #nextArrival: Arrival | undefined;
  #now_ms = 0;

  constructor(private readonly parts: WorldParts) {
    const { scenario, builds, specs, policy } = parts;
    this.recorder = new Recorder(scenario, specs.length);
    const surroundings = {
      seed: scenario.seed,
      builds,
      say: (machine: SimulatedMachine, work: Work, saying: Saying, at_ms: number) => this.#say(machine, work, saying, at_ms),
      changed: (machine: SimulatedMachine) => this.#planHeartbeat(machine),
      writing: (streams: number, before: number) => {
        this.#load.writing += streams - before;
        this.#load.busyMachines += Math.sign(streams) - Math.sign(before);
      },
      loaded: (machine: SimulatedMachine, build: number, result: "succeeded" | "failed", took_ms: number) =>
        this.#loaded(machine, build, result, took_ms),
    };
    this.#machines = specs.map((spec) => new SimulatedMachine(spec, surroundings));
    for (const { concurrency } of specs) this.#load.places += concurrency;
    this.#oracle = new Oracle(scenario, builds, this.#machines, (machine) => !this.#down.has(machine), this.recorder);
    this.#coordinator = new SimulatedCoordinator(scenario, builds, policy, this.#outside(), this.recorder);
    this.#faultDice = streamOf(scenario.seed, "faults");
    this.#consumerDice = streamOf(scenario.seed, "consumers");
  }

  get #beatsAlways(): boolean {
    return this.#machines.length <= ALWAYS_BEATING_MAX;
  }

  run(): void {
    const { scenario, arrivals, onProgress } = this.parts;
    for (const machine of this.#machines) this.#coordinator.connected(machine);
    for (const machine of this.#machines) this.#planFault(machine, 0);
    if (this.#beatsAlways) for (const machine of this.#machines) this.#planHeartbeat(machine);
    for (let point = 1; point <= Math.round((scenario.duration_s * 1000) / this.recorder.width_ms); point += 1) {
      this.#heap.add(point * this.recorder.width_ms, SAMPLE, 0);
    }
    if (scenario.coordinator.warm_planner) this.#heap.add(PLAN_INTERVAL_MS, PLAN, 0);
    this.#planArrival(arrivals);
    const end_ms = (scenario.duration_s + TAIL_S) * 1000;
    while (this.#heap.take() && this.#heap.at_ms <= end_ms) {
      this.#now_ms = this.#heap.at_ms;
      this.#happen(this.#heap.kind, this.#heap.subject, this.#heap.detail);
      this.#coordinator.settle();
      if (this.#now_ms > scenario.duration_s * 1000 && this.#coordinator.live === 0) break;
    }
    onProgress(end_ms);
  }

  #happen(kind: number, subject: number, detail: number): void {
    switch (kind) {
      case ARRIVE:
        this.#arrive();
        return;
      case WAKE:
        this.#wake(entry(this.#machines, subject));
        return;
      case DELIVER:
        this.#deliver(subject);
        return;
      case CANCEL:
        this.#cancelled(subject);
        return;
      case SAY:
        this.#heard(subject);
        return;
      case HEARTBEAT:
        this.#heartbeat(entry(this.#machines, subject));
        return;
      case TICK:
        this.#coordinator.tick(subject);
        return;
      case EXPIRE:
        this.#coordinator.expire(subject);
        return;
      case SAMPLE:
        this.#sample();
        return;
      case LEAVE:
        this.#coordinator.left(subject);
        return;
      case PLAN:
        this.#plan();
        return;
      case GO_DOWN:
        this.#goDown(entry(this.#machines, subject), detail === 1);
        return;
      case COME_UP:
        this.#comeUp(entry(this.#machines, subject));
        return;
    }
  }

  #plan(): void {
    for (const machine of this.#coordinator.plan()) this.#planWake(machine);
    if (this.#now_ms < this.parts.scenario.duration_s * 1000) this.#heap.add(this.#now_ms + PLAN_INTERVAL_MS, PLAN, 0);
  }

  #planArrival(arrivals: Iterator<Arrival>): void {
    const next = arrivals.next();
    this.#nextArrival = next.done === true ? undefined : next.value;
    if (this.#nextArrival !== undefined) this.#heap.add(this.#nextArrival.at_ms, ARRIVE, 0);
  }

  #arrive(): void {
    const arrival = this.#nextArrival;
    if (arrival === undefined) return;
    this.#coordinator.arrive(arrival);
    this.#planLeaving(arrival);
    this.#planArrival(this.parts.arrivals);
  }

  #planLeaving({ number }: Arrival): void {
    const { leaving } = this.parts.scenario.traffic;
    if (leaving === undefined || this.#consumerDice() >= leaving.share) return;
    this.#heap.add(this.#now_ms + draw(leaving.after_s, this.#consumerDice) * 1000, LEAVE, number);
  }

  #wake(machine: SimulatedMachine): void {
    // Another instant has taken this one's place, or the machine is gone.
    if (machine.plannedWake_ms !== this.#now_ms) return;
    machine.plannedWake_ms = Number.POSITIVE_INFINITY;
    machine.wake(this.#now_ms);
    this.#planWake(machine);
  }

  #planWake(machine: SimulatedMachine): void {
    const next_ms = Math.max(this.#now_ms, machine.nextWake_ms());
    // A later instant than the planned one is found out when that comes.
    if (next_ms >= machine.plannedWake_ms) return;
    machine.plannedWake_ms = next_ms;
    if (next_ms < Number.POSITIVE_INFINITY) this.#heap.add(next_ms, WAKE, machine.spec.number);
  }

  #deliver(wire: number): void {
    const attempt = this.#attempts.take(wire);
    if (attempt === undefined || attempt.isReleased || this.#down.has(attempt.machine.spec.number)) return;
    attempt.machine.submit(attempt.work, this.#now_ms);
    this.#planWake(attempt.machine);
  }

  #cancelled(wire: number): void {
    const attempt = this.#attempts.take(wire);
    if (attempt === undefined) return;
    const { machine, work } = attempt;
    const hasRead = work.phase === "decode";
    const written = machine.cancel(work, this.#now_ms);
    if (written > 0 || hasRead) this.recorder.wasted(attempt, written, hasRead);
    // The machine's own account of it.
    if (!attempt.placed.hasEnded) this.#say(machine, work, { type: "failed", failure: "cancelled" }, this.#now_ms);
    this.#planWake(machine);
  }

  #say(machine: SimulatedMachine, work: Work, saying: Saying, at_ms: number): void {
    this.#heap.add(at_ms + machine.spec.latency_ms, SAY, this.#sayings.put({ machine, work, saying }));
  }

  #heard(wire: number): void {
    const said = this.#sayings.take(wire);
    if (said !== undefined && !this.#down.has(said.machine.spec.number)) this.#coordinator.heard(said.work, said.saying);
  }

  /** Machines beat all the time. In a large fleet, beats that say nothing new are left out: they would be most of what happens. */
  #planHeartbeat(machine: SimulatedMachine): void {
    const { number } = machine.spec;
    if (this.#beating.has(number)) return;
    this.#beating.add(number);
    const { interval_s, jitter } = this.parts.scenario.fleet.heartbeat;
    const interval_ms = (interval_s * 1000) / machine.misbehaviour.clockRate;
    const phase_ms = chance(this.parts.scenario.seed, number, HEARTBEAT) * interval_ms;
    const beat = Math.floor((this.#now_ms - phase_ms) / interval_ms) + 1;
    const late_ms = chance(this.parts.scenario.seed, number, beat) * jitter * interval_ms;
    this.#heap.add(Math.max(this.#now_ms, phase_ms + beat * interval_ms + late_ms), HEARTBEAT, number);
  }

  #heartbeat(machine: SimulatedMachine): void {
    const { number } = machine.spec;
    this.#beating.delete(number);
    if (this.#down.has(number)) return;
    const isLost = chance(this.parts.scenario.seed, number, Math.floor(this.#now_ms)) < this.parts.scenario.fleet.heartbeat.loss;
    if (!isLost) this.#coordinator.heartbeat(machine);
    if (isLost || this.#beatsAlways) this.#planHeartbeat(machine);
  }

  #loaded(machine: SimulatedMachine, build: number, result: "succeeded" | "failed", took_ms: number): void {
    if (result === "succeeded") this.recorder.loaded(this.#now_ms);
    this.#coordinator.loaded(machine, build, result, took_ms);
    this.#planHeartbeat(machine);
  }

  #planFault(machine: SimulatedMachine, from_ms: number): void {
    const { crash, flapping } = machine.misbehaviour;
    if (crash !== undefined)
      this.#heap.add(from_ms + exponential(1 / (crash.every_s * 1000), this.#faultDice), GO_DOWN, machine.spec.number, 1);
    if (flapping !== undefined) {
      this.#heap.add(from_ms + exponential(1 / (flapping.every_s * 1000), this.#faultDice), GO_DOWN, machine.spec.number, 0);
    }
  }

  #goDown(machine: SimulatedMachine, isCrash: boolean): void {
    const { number } = machine.spec;
    if (this.#down.has(number)) return;
    this.#down.add(number);
    this.#load.places -= machine.spec.concurrency;
    if (isCrash) machine.crash();
    else machine.disconnect();
    this.#coordinator.disconnected(machine);
    const { crash, flapping } = machine.misbehaviour;
    const down_s = (isCrash ? crash?.restart_s : flapping?.down_s) ?? 0;
    this.#heap.add(this.#now_ms + down_s * 1000, COME_UP, number);
  }

  #comeUp(machine: SimulatedMachine): void {
    this.#down.delete(machine.spec.number);
    this.#load.places += machine.spec.concurrency;
    this.#coordinator.connected(machine);
    if (this.#beatsAlways) this.#planHeartbeat(machine);
    this.#planFault(machine, this.#now_ms);
    this.#planWake(machine);
  }

  #sample(): void {
    const machines = this.#machines.length - this.#down.size;
    this.recorder.sample(this.#now_ms, { ...this.#load, machines, waiting: this.#coordinator.waiting });
    this.parts.onProgress(this.#now_ms);
  }

  #outside(): Outside {
    const send = (attempt: Attempt, kind: number): void => {
      this.#heap.add(this.#now_ms + attempt.machine.spec.latency_ms, kind, this.#attempts.put(attempt));
    };
    return {
      now_ms: () => this.#now_ms,
      send: (attempt) => send(attempt, DELIVER),
      cancel: (attempt) => send(attempt, CANCEL),
      planTick: ({ arrival }: LiveRequest, at_ms) => this.#heap.add(at_ms, TICK, arrival.number),
      planExpiry: (build, at_ms) => this.#heap.add(at_ms, EXPIRE, build),
      placed: (arrival, machine) => this.#oracle.placed(arrival, machine, this.#now_ms),
      refused: (arrival) => this.#oracle.refused(arrival, this.#now_ms),
      machines: this.#machines,
    };
  }
}

const ALWAYS_BEATING_MAX = 2_000;
/** After the last arrival, for answers under way. */
const TAIL_S = 900;
