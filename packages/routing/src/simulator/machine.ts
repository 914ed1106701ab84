import type { ErrorClass } from "@umbel/protocol";
import { Batch } from "./batch.js";
import { entry, type MachineSpec, type SimulatedBuild } from "./fleet-mix.js";
import { Misbehaviour } from "./misbehaviour.js";
import { ModelMemory } from "./model-memory.js";
import { PrefixMemory } from "./prefix-memory.js";
import { type SimulatedSlot, smoothed } from "./slot.js";
import { demand_tokens, type Saying, type Work } from "./work.js";

/** What a machine needs of the world around it. */
export interface Surroundings {
  readonly seed: number;
  readonly builds: readonly SimulatedBuild[];
  /** Tells the coordinator, once `at_ms` has come and the network has carried it. */
  say(machine: SimulatedMachine, work: Work, saying: Saying, at_ms: number): void;
  /** Something changed that the next heartbeat shows. */
  changed(machine: SimulatedMachine): void;
  /** A machine writes so many streams, and not as many as before. */
  writing(streams: number, before: number): void;
  loaded(machine: SimulatedMachine, build: number, result: "succeeded" | "failed", took_ms: number): void;
}

/** Requests that wait on one machine for one build; one more is refused (`packages/provider/src/batch/batcher.ts`). */
const WAITING_MAX = 128;
/** How much each stream slows the reading of a prompt beside it. */
const PREFILL_INTERFERENCE = 0.1;

/**
 * A machine with continuous batching: prompts are read one after the other, answers are written together. Nothing happens between two
 * instants that matter, so a request costs a handful of events however long its answer is.
 */
export class SimulatedMachine {
  readonly misbehaviour: Misbehaviour;
  readonly memory: ModelMemory;
  /** Number of the last request that it knows of on its connection. */
  seen = 0;
  /** By which `wake` is to be called; the world's own note. */
  plannedWake_ms = Number.POSITIVE_INFINITY;
  readonly #batch: Batch;
  #prefixes = new PrefixMemory();
  /** Prompts to be read, the first of them being read. */
  readonly #unread: Work[] = [];
  /** Streams that the world has been told of. */
  #writing = 0;
  #readEnd_ms = Number.POSITIVE_INFINITY;
  readonly #stalled: Work[] = [];

  constructor(
    readonly spec: MachineSpec,
    private readonly world: Surroundings,
  ) {
    this.misbehaviour = new Misbehaviour(spec, world.seed);
    this.memory = new ModelMemory(spec, world.builds);
    this.#batch = new Batch(spec.decode_tps / this.misbehaviour.slowDecode, spec.batchSlope);
  }

  get slots(): ReadonlyMap<number, SimulatedSlot> {
    return this.memory.slots;
  }

  submit(work: Work, now_ms: number): void {
    this.seen = work.ordinal;
    const failure = this.misbehaviour.refusal(work) ?? this.#take(work, now_ms);
    if (failure === undefined) this.world.changed(this);
    else this.#fail(work, failure, now_ms);
  }

  /** @returns tokens that were written for nothing */
  cancel(work: Work, now_ms: number): number {
    const written = this.#takeOut(work, now_ms);
    this.#tellWriting();
    this.world.changed(this);
    return written;
  }

  /** The coordinator wants a build in memory, and others out of it first. */
  load(build: number, evict: readonly number[], now_ms: number): void {
    for (const other of evict) this.memory.putAway(other);
    const slot = this.memory.want(build, now_ms);
    if (slot === undefined) this.world.loaded(this, build, "failed", 0);
    else if (slot.ready) this.world.loaded(this, build, "succeeded", 0);
  }

  unload(build: number): void {
    if (this.memory.putAway(build)) this.world.changed(this);
  }

  /** The process dies: memory is empty and all work is lost. */
  crash(): void {
    this.disconnect();
    this.memory.clear();
    this.#prefixes = new PrefixMemory();
  }

  /** All work is lost; what is in memory stays. */
  disconnect(): void {
    this.#batch.clear();
    this.#tellWriting();
    this.#unread.length = 0;
    this.#readEnd_ms = Number.POSITIVE_INFINITY;
    this.#stalled.length = 0;
    this.seen = 0;
    for (const slot of this.slots.values()) {
      slot.running = slot.runningTokens = slot.waitingTokens = 0;
      slot.placed.length = slot.waiting.length = 0;
    }
  }

  /** Does what is due. */
  wake(now_ms: number): void {
    for (let ended = this.#batch.takeEnded(now_ms); ended !== undefined; ended = this.#batch.takeEnded(now_ms)) this.#ended(ended, now_ms);
    if (this.#readEnd_ms <= now_ms) this.#read(now_ms);
    if (this.#stalled.length > 0) this.#resume(now_ms);
    this.#goOnLoading(now_ms);
    this.#tellWriting();
  }

  nextWake_ms(): number {
    let next_ms = Math.min(this.#readEnd_ms, this.memory.next_ms, this.#batch.nextEnd_ms());
    for (const { stalledUntil_ms } of this.#stalled) next_ms = Math.min(next_ms, stalledUntil_ms);
    return next_ms;
  }

  /** How long a request that came now would wait for its first token, if nothing else came; infinite where it would have to wait for a place. */
  firstToken_ms(build: number, promptTokens: number, maxOutputTokens: number, now_ms: number): number {
    const { speed } = entry(this.world.builds, build);
    const read_ms = (promptTokens * 1000) / this.#prefillRate_tps(speed) + 1000 / (this.#batch.rate_tps(1) * speed);
    const slot = this.slots.get(build);
    if (slot?.ready !== true) return this.memory.untilLoaded_ms(build, now_ms) + read_ms;
    if (slot.running >= this.spec.concurrency || promptTokens + maxOutputTokens > this.memory.freeTokens(slot))
      return Number.POSITIVE_INFINITY;
    let ahead_ms = 0;
    for (const other of this.#unread) ahead_ms += ((other.promptTokens - other.cachedTokens) * 1000) / this.#prefillRate_tps(speed);
    return ahead_ms + read_ms;
  }

  #tellWriting(): void {
    const { size } = this.#batch;
    if (size === this.#writing) return;
    this.world.writing(size, this.#writing);
    this.#writing = size;
  }

  /** @returns why not, if the machine does not take it */
  #take(work: Work, now_ms: number): ErrorClass | undefined {
    const slot = this.memory.want(work.build, now_ms);
    if (slot === undefined) return "load_failed_memory";
    if (slot.waiting.length >= WAITING_MAX) return "capacity_queue";
    if (demand_tokens(work) > this.memory.allTokens(slot)) return "capacity_kv";
    work.phase = "waiting";
    slot.waiting.push(work);
    slot.waitingTokens += demand_tokens(work);
    if (slot.ready) this.#admit(slot, now_ms);
    else this.world.say(this, work, { type: "accepted", phase: "loading", progress: 0 }, now_ms);
    return undefined;
  }

  /** Those that wait and find a place begin, in their order. */
  #admit(slot: SimulatedSlot, now_ms: number): void {
    while (slot.running < this.spec.concurrency) {
      const first = slot.waiting[0];
      if (first === undefined || demand_tokens(first) > this.memory.freeTokens(slot)) return;
      slot.waiting.shift();
      slot.waitingTokens -= demand_tokens(first);
      this.#begin(first, slot, now_ms);
    }
  }

  #begin(work: Work, slot: SimulatedSlot, now_ms: number): void {
    slot.running += 1;
    slot.placed.push(work);
    slot.runningTokens += demand_tokens(work);
    slot.used_ms = now_ms;
    work.placed = true;
    work.admitted_ms = now_ms;
    const stall_ms = this.misbehaviour.stallAfterAccept_ms(work);
    if (stall_ms > 0) this.#stall(work, "prefill", now_ms + stall_ms);
    else this.#queueReading(work, now_ms);
  }

  #stall(work: Work, then: Work["afterStall"], until_ms: number): void {
    work.phase = "stalled";
    work.afterStall = then;
    work.stalledUntil_ms = until_ms;
    this.#stalled.push(work);
  }

  #resume(now_ms: number): void {
    for (const work of this.#stalled.filter(({ stalledUntil_ms }) => stalledUntil_ms <= now_ms)) {
      this.#stalled.splice(this.#stalled.indexOf(work), 1);
      if (work.afterStall === "prefill") this.#queueReading(work, now_ms);
      else this.#write(work, now_ms);
    }
  }

  #queueReading(work: Work, now_ms: number): void {
    work.phase = "prefill";
    work.cachedTokens = this.#prefixes.found(work);
    this.#unread.push(work);
    if (this.#unread.length === 1) this.#readFirst(now_ms);
  }

  #readFirst(now_ms: number): void {
    const [first] = this.#unread;
    this.#readEnd_ms = first === undefined ? Number.POSITIVE_INFINITY : now_ms + this.#reading_ms(first);
  }

  #reading_ms({ build, promptTokens, cachedTokens }: Work): number {
    return (Math.max(1, promptTokens - cachedTokens) * 1000) / this.#prefillRate_tps(entry(this.world.builds, build).speed);
  }

  #prefillRate_tps(speed: number): number {
    return ((this.spec.prefill_tps / this.misbehaviour.slowDecode) * speed) / (1 + PREFILL_INTERFERENCE * this.#batch.size);
  }

  /** A prompt has been read. */
  #read(now_ms: number): void {
    const work = this.#unread.shift();
    this.#readFirst(now_ms);
    if (work === undefined) return;
    const stall_ms = this.misbehaviour.stallAfterPreamble_ms(work);
    if (stall_ms === 0) {
      this.#write(work, now_ms);
      return;
    }
    this.world.say(this, work, { type: "preamble" }, now_ms);
    this.#stall(work, "decode", now_ms + stall_ms);
  }

  #write(work: Work, now_ms: number): void {
    const { speed } = entry(this.world.builds, work.build);
    work.phase = "decode";
    this.#batch.join(work, speed, now_ms);
    work.firstToken_ms = now_ms + 1000 / (this.#batch.rate_tps() * speed);
    this.world.say(this, work, { type: "content" }, work.firstToken_ms);
    const slot = this.slots.get(work.build);
    const read_ms = (work.firstToken_ms - work.admitted_ms) * this.misbehaviour.clockRate;
    if (slot !== undefined && work.cachedTokens === 0) slot.prefill_tps = smoothed(slot.prefill_tps, (work.promptTokens * 1000) / read_ms);
  }

  /** The last token has been written. */
  #ended(work: Work, now_ms: number): void {
    const decode_tps = ((work.outputTokens - 1) * 1000) / Math.max(1, now_ms - work.firstToken_ms);
    const slot = this.slots.get(work.build);
    if (slot !== undefined) {
      slot.decode_tps = smoothed(slot.decode_tps, decode_tps / this.misbehaviour.clockRate);
      this.#prefixes.remember(work);
      this.#giveBack(work, slot, now_ms);
    }
    this.world.say(this, work, { type: "complete", decode_tps }, now_ms);
    this.world.changed(this);
  }

  #giveBack(work: Work, slot: SimulatedSlot, now_ms: number): void {
    work.phase = "away";
    if (!work.placed) return;
    work.placed = false;
    slot.running -= 1;
    slot.placed.splice(slot.placed.indexOf(work), 1);
    slot.runningTokens -= demand_tokens(work);
    slot.used_ms = now_ms;
    for (const other of this.slots.values()) if (other.ready && other.waiting.length > 0) this.#admit(other, now_ms);
  }

  #takeOut(work: Work, now_ms: number): number {
    const slot = this.slots.get(work.build);
    if (work.phase === "away" || slot === undefined) return 0;
    let written = 0;
    if (work.phase === "waiting") {
      slot.waiting.splice(slot.waiting.indexOf(work), 1);
      slot.waitingTokens -= demand_tokens(work);
    } else if (work.phase === "stalled") this.#stalled.splice(this.#stalled.indexOf(work), 1);
    else if (work.phase === "decode") written = this.#batch.leave(work, now_ms) * entry(this.world.builds, work.build).speed;
    else {
      const index = this.#unread.indexOf(work);
      this.#unread.splice(index, 1);
      if (index === 0) this.#readFirst(now_ms);
    }
    this.#giveBack(work, slot, now_ms);
    return written;
  }

  #goOnLoading(now_ms: number): void {
    const ended = this.memory.takeEnded(now_ms);
    if (ended !== undefined) this.#loadEnded(ended.slot, ended.took_ms, now_ms);
    const progress = this.memory.takeNews(now_ms) ? this.memory.progress(now_ms) : undefined;
    if (progress === undefined) return;
    for (const work of this.slots.get(progress.build)?.waiting ?? []) {
      this.world.say(this, work, { type: "accepted", phase: "loading", progress: progress.share }, now_ms);
    }
  }

  #loadEnded(slot: SimulatedSlot, took_ms: number, now_ms: number): void {
    const { build } = slot;
    this.world.changed(this);
    if (this.misbehaviour.failsLoad(build, now_ms)) {
      this.memory.slots.delete(build);
      for (const work of slot.waiting.splice(0)) this.#fail(work, "load_failed_memory", now_ms);
      this.world.loaded(this, build, "failed", took_ms);
      return;
    }
    slot.ready = true;
    slot.load_ms = took_ms * this.misbehaviour.clockRate;
    slot.used_ms = now_ms;
    for (const work of slot.waiting) this.world.say(this, work, { type: "accepted", phase: "prefilling", progress: 1 }, now_ms);
    this.world.loaded(this, build, "succeeded", took_ms);
    this.#admit(slot, now_ms);
  }

  #fail(work: Work, failure: ErrorClass, now_ms: number): void {
    work.phase = "away";
    this.world.say(this, work, { type: "failed", failure }, now_ms);
  }
}
