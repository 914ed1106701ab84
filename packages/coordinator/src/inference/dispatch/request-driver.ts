import type { Usage } from "@umbel/protocol";
import {
  type DispatchEffect,
  type DispatchEvent,
  type DispatchInput,
  type DispatchState,
  type RequestSpec,
  reduceDispatch,
  type Step,
  startDispatch,
  wakeAt_ms,
} from "@umbel/routing";
import type { Attempt } from "../../fleet/index.js";
import type { Stopwatch } from "../stopwatch.js";
import { type Alarm, createAlarm } from "./alarm.js";
import type { AttemptSignal } from "./opened-attempt.js";
import { findPlace, type PlaceServices, waitForPlace } from "./places.js";
import { type Open, RacerRun } from "./racer-run.js";

type Complete = Extract<AttemptSignal, { type: "complete" }>;
type Settle = Extract<DispatchEffect, { type: "settle" }>;

/** What the driver's owner is asked to do about the consumer and the money; `refused` or `abandoned` or `settle` once. */
export interface DriverOwner {
  /** This machine's answer is to be shown: read it with `next`. */
  begun(winner: Attempt, number: number): void;
  /** What has been read of the answer counts no more; another may begin. */
  restarted(): void;
  refused(effect: Extract<DispatchEffect, { type: "refuse" }>, failed: RacerRun | undefined, cause: unknown): void;
  abandoned(): void;
  /** Tells the ledger that the consumer has left; the driver goes on when it resolves. */
  park(): Promise<void>;
  /** @param usage the machine's own account, where that is to be settled */
  settle(effect: Settle, winner: Attempt, usage: Usage | undefined): void;
  brokenOff(effect: Extract<DispatchEffect, { type: "break_off" }>, cause: unknown): void;
  /** What happened, and to which racer's attempt, for counters. */
  noted(event: DispatchEvent, effects: readonly DispatchEffect[]): void;
}

/** What `next` comes to. */
export type Pulled = Extract<AttemptSignal, { type: "events" }> | Complete | { readonly type: "ended" };

const ENDED: Pulled = { type: "ended" };

/**
 * Carries out what routing's reducer decides for one request: the shell between it and the fleet, the line, the clock and the consumer. Events
 * go in one at a time, in the order in which they happen.
 */
export class RequestDriver {
  readonly #racers = new Map<number, RacerRun>();
  readonly #waiting = new AbortController();
  readonly #alarm: Alarm;
  readonly #inbox: DispatchEvent[] = [];
  #state: DispatchState;
  #isTelling = false;
  /** Reserved, and not yet a racer's. */
  #incoming: Attempt | undefined;
  #winner: RacerRun | undefined;
  #complete: Complete | undefined;
  #reading: Promise<unknown> | undefined;
  #cause: unknown;

  constructor(
    private readonly spec: RequestSpec,
    input: DispatchInput,
    private readonly open: Open,
    private readonly owner: DriverOwner,
    private readonly services: PlaceServices,
    private readonly watch: Stopwatch,
    private readonly gone: AbortSignal,
  ) {
    this.#alarm = createAlarm(services.clock, () => this.#tell({ type: "tick" }));
    const first = startDispatch(input);
    this.#state = first.state;
    gone.addEventListener("abort", this.#onGone);
    this.#isTelling = true;
    this.#carryOut(first);
    this.#isTelling = false;
    if (gone.aborted) this.#onGone();
    else this.#tellAll();
  }

  /**
   * What the winner says next, as it comes; only after `begun`, one call at a time. Resolves with `ended` when nothing more is to be shown,
   * because the answer is over, was broken off, or the consumer has left.
   */
  async next(): Promise<Pulled> {
    const winner = this.#winner;
    if (winner === undefined) return ENDED;
    if (winner.held.length > 0) return { type: "events", events: winner.held.splice(0) };
    while (this.#state.stage === "answering") {
      const signal = await this.#read(winner);
      if (signal === undefined) return ENDED;
      const shown = this.#take(signal, winner.number);
      if (shown !== undefined) return shown;
    }
    return ENDED;
  }

  /** The consumer reads no further. */
  leave(): void {
    this.#onGone();
  }

  readonly #onGone = (): void => {
    this.gone.removeEventListener("abort", this.#onGone);
    this.#tell({ type: "client_gone" });
  };

  async #read(winner: RacerRun): Promise<AttemptSignal | undefined> {
    const reading = winner.opened?.next(winner.stop.signal);
    this.#reading = reading;
    try {
      return await reading;
    } catch (error) {
      if (!winner.stop.signal.aborted) this.#fail(error);
      return undefined;
    }
  }

  /** What is to be shown of a signal; undefined if nothing is. */
  #take(signal: AttemptSignal, racer: number): Pulled | undefined {
    switch (signal.type) {
      case "phase":
        return undefined;
      case "events":
        this.#tell({ type: "content", racer });
        return signal;
      case "complete":
        this.#complete = signal;
        this.#tell({ type: "complete", racer, isAccountValid: signal.receiptValid });
        return signal;
      case "failed":
        this.#tell({ type: "failed", racer, failure: signal.failure.failure });
        return ENDED;
      case "overflow":
        this.#tell({ type: "overflow", racer });
        return ENDED;
    }
  }

  /** Whatever is under way cannot go on, by our own fault. */
  #fail(cause: unknown): void {
    this.#cause = cause;
    this.#tell({ type: "fault" });
  }

  #tell(event: DispatchEvent): void {
    this.#inbox.push(event);
    if (!this.#isTelling) this.#tellAll();
  }

  /** Effects may cause events themselves; those wait until the effects before them have been carried out. */
  #tellAll(): void {
    this.#isTelling = true;
    for (let event = this.#inbox.shift(); event !== undefined; event = this.#inbox.shift()) this.#step(event);
    this.#isTelling = false;
    this.#alarm.moveTo(wakeAt_ms(this.#state));
    if (this.#state.stage === "done") this.gone.removeEventListener("abort", this.#onGone);
  }

  #step(event: DispatchEvent): void {
    const step = reduceDispatch(this.#state, event, this.services.clock.now_ms());
    this.#state = step.state;
    this.owner.noted(event, step.effects);
    this.#carryOut(step);
  }

  #carryOut({ effects }: Step): void {
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: DispatchEffect): void {
    switch (effect.type) {
      case "reserve":
        this.#reserve(effect);
        break;
      case "enqueue":
        void this.#queue(effect);
        break;
      case "leave_queue":
        this.#waiting.abort();
        break;
      case "return_place":
        this.#takeIncoming().release();
        break;
      case "send":
        this.#send(new RacerRun(effect.racer, this.#takeIncoming()), effect.deadline_ms);
        break;
      case "cancel":
        this.#racers.get(effect.racer)?.attempt.cancel();
        break;
      case "blame_timeout":
        this.#racers.get(effect.racer)?.attempt.reportTimeout();
        break;
      case "release":
        this.#racers.get(effect.racer)?.release();
        break;
      case "commit":
        this.#commit(this.#racers.get(effect.racer));
        break;
      case "restart":
        this.#winner = undefined;
        this.owner.restarted();
        break;
      case "park":
        void this.#park();
        break;
      case "break_off":
        this.owner.brokenOff(effect, this.#cause);
        break;
      case "refuse":
        this.owner.refused(effect, effect.cause.type === "exhausted" ? this.#racers.get(effect.cause.racer) : undefined, this.#cause);
        break;
      case "abandon":
        this.owner.abandoned();
        break;
      case "settle": {
        const usage = effect.account === "provider" ? this.#complete?.message.usage : undefined;
        if (this.#winner !== undefined) this.owner.settle(effect, this.#winner.attempt, usage);
        break;
      }
    }
  }

  /** The answer comes before anything else that has happened meanwhile. */
  #reserve(effect: Extract<DispatchEffect, { type: "reserve" }>): void {
    const stop = this.watch.start("route");
    const found = findPlace(effect, this.spec, this.services);
    stop();
    this.#incoming = found.attempt;
    if (found.attempt === undefined) this.#step({ ...found, type: "none_available" });
    else this.#step({ type: "reserved", place: placeOf(found.attempt, this.spec) });
  }

  #commit(winner: RacerRun | undefined): void {
    if (winner === undefined) return;
    this.#winner = winner;
    winner.won();
    this.owner.begun(winner.attempt, winner.number);
  }

  #send(run: RacerRun, deadline_ms: number): void {
    this.#racers.set(run.number, run);
    run.run(deadline_ms, this.open, (event) => this.#tell(event)).catch((error: unknown) => this.#fail(error));
  }

  #takeIncoming(): Attempt {
    const attempt = this.#incoming;
    if (attempt === undefined) throw new Error("a place is taken once");
    this.#incoming = undefined;
    return attempt;
  }

  async #queue(effect: Extract<DispatchEffect, { type: "enqueue" }>): Promise<void> {
    const stop = this.watch.start("queue");
    const waited = await waitForPlace(effect, this.spec, this.#waiting.signal, this.services);
    stop();
    if (waited.outcome === "reserved") {
      this.#incoming = waited.attempt;
      this.#tell({ type: "queue_assigned", place: placeOf(waited.attempt, this.spec) });
    } else if (waited.outcome !== "gone") this.#tell({ type: "queue_refused", reason: waited.outcome });
  }

  async #park(): Promise<void> {
    const winner = this.#winner;
    winner?.stop.abort();
    // A read that is under way may still bring the end of the answer.
    await Promise.all([this.owner.park(), this.#reading?.catch(() => undefined)]);
    this.#tell({ type: "parked" });
    if (winner !== undefined) await this.#drain(winner);
  }

  /** Nobody reads any more, but the machine's account of what it has made counts. */
  async #drain({ opened, number: racer }: RacerRun): Promise<void> {
    if (this.#state.stage !== "draining" || opened === undefined) return;
    try {
      const end = await opened.terminal();
      if (end.type === "complete") this.#complete = end;
      if (end.type === "complete") this.#tell({ type: "complete", racer, isAccountValid: end.receiptValid });
      else if (end.type === "overflow") this.#tell({ type: "overflow", racer });
      else this.#tell({ type: "failed", racer, failure: end.failure.failure });
    } catch (error) {
      // Its place has been given back, because the grace is over: then this changes nothing. Otherwise nothing more will come.
      this.#fail(error);
    }
  }
}

function placeOf({ provider, decision }: Attempt, { route, accountId }: RequestSpec) {
  const isOwnPreferred = route === "prefer" && provider.accountId === accountId;
  return { machineId: provider.machineId, version: provider.version, ttft_ms: decision.winner?.ttft_ms, mayHedge: !isOwnPreferred };
}
