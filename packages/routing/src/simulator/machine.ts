import type { ErrorClass } from "@umbel/protocol";
import { gib } from "../admission/gib.js";
import { Batch } from "./batch.js";
import { entry, type MachineSpec, type SimulatedBuild, USABLE_MEMORY } from "./fleet-mix.js";
import { Misbehaviour } from "./misbehaviour.js";
import { PrefixMemory } from "./prefix-memory.js";
import { isIdle, type SimulatedSlot, smoothed } from "./slot.js";
import { demand_tokens, type Saying, type Work } from "./work.js";

/** What a machine needs of the world around it. */
export interface Surroundings {
  readonly seed: number;
  readonly builds: readonly SimulatedBuild[];
  /** Tells the coordinator, once `at_ms` has come and the network has carried it. */
  say(machine: SimulatedMachine, work: Work, saying: Saying, at_ms: number): void;
  /** Something changed that the next heartbeat shows. */
  changed(machine: SimulatedMachine): void;
  loaded(machine: SimulatedMachine, build: number, result: "succeeded" | "failed", took_ms: number): void;
}

/** Requests that wait on one machine; one more is refused (`packages/provider/src/batch/batcher.ts`). */
const WAITING_MAX = 128;
/** News of a load under way. */
const LOAD_NEWS_MS = 5_000;
/** How much each stream slows the reading of a prompt beside it. */
const PREFILL_INTERFERENCE = 0.1;

/**
 * A machine with continuous batching: prompts are read one after the other, answers are written together, builds come into memory one at a
 * time and the one used least recently goes. Nothing happens between two instants that matter, so a request costs a handful of events.
 */
export class SimulatedMachine {
  readonly slots = new Map<number, SimulatedSlot>();
  /** Requests per second of virtual time are counted in these. */
  readonly misbehaviour: Misbehaviour;
  /** By which `wake` wants to be called; the world's own note of what it has planned. */
  plannedWake_ms = Number.POSITIVE_INFINITY;
  loads = 0;
  #batch: Batch;
  #prefixes = new PrefixMemory();
  #reading: Work | undefined;
  #readEnd_ms = Number.POSITIVE_INFINITY;
  readonly #unread: Work[] = [];
  readonly #stalled: Work[] = [];
  /** Builds to be loaded, the first of them under way. */
  readonly #loads: number[] = [];
  #loadStart_ms = 0;
  #loadEnd_ms = Number.POSITIVE_INFINITY;
  #loadNews_ms = Number.POSITIVE_INFINITY;

  constructor(
    readonly spec: MachineSpec,
    private readonly world: Surroundings,
  ) {
    this.misbehaviour = new Misbehaviour(spec, world.seed);
    this.#batch = new Batch(spec.decode_tps / this.misbehaviour.slowDecode, spec.batchSlope);
    for (const build of spec.builds.slice(0, spec.resident)) this.#slot(build, true, 0);
  }

  /** Streams being written. */
  get writing(): number {
    return this.#batch.size;
  }

  get isLoading(): boolean {
    return this.#loads.length > 0;
  }

  submit(work: Work, now_ms: number): void {
    const broken = this.misbehaviour.refusal(work);
    if (broken !== undefined) {
      this.#fail(work, broken, now_ms);
      return;
    }
    const slot = this.slots.get(work.build);
    if (slot !== undefined && slot.waiting.length >= WAITING_MAX) {
      this.#fail(work, "capacity_queue", now_ms);
      return;
    }
    this.world.changed(this);
    if (slot === undefined) {
      this.#enqueueLoad(work.build, now_ms);
      this.#waitForLoad(work, now_ms);
    } else {
      if (demand_tokens(work) > this.#poolTokens(slot)) {
        this.#fail(work, "capacity_kv", now_ms);
        return;
      }
      if (slot.ready) {
        this.#wait(work, slot);
        this.#admit(slot, now_ms);
      } else this.#waitForLoad(work, now_ms);
    }
  }

  /** @returns tokens that were written for nothing */
  cancel(work: Work, now_ms: number): number {
    const written = this.#takeOut(work, now_ms);
    this.world.changed(this);
    return written;
  }

  /** A build that the coordinator wants in memory. */
  load(build: number, now_ms: number): void {
    if (this.slots.get(build)?.ready === true) this.world.loaded(this, build, "succeeded", 0);
    else this.#enqueueLoad(build, now_ms);
  }

  unload(build: number): void {
    const slot = this.slots.get(build);
    if (slot === undefined || !slot.ready || !isIdle(slot)) return;
    this.slots.delete(build);
    this.world.changed(this);
  }

  /** The process dies: memory is empty and all work is lost. */
  crash(): void {
    this.disconnect();
    this.slots.clear();
    this.#loads.length = 0;
    this.#loadEnd_ms = this.#loadNews_ms = Number.POSITIVE_INFINITY;
    this.#prefixes = new PrefixMemory();
  }

  /** All work is lost; what is in memory stays. */
  disconnect(): void {
    this.#batch.clear();
    this.#reading = undefined;
    this.#readEnd_ms = Number.POSITIVE_INFINITY;
    this.#unread.length = 0;
    this.#stalled.length = 0;
    for (const slot of this.slots.values()) {
      slot.running = slot.runningTokens = slot.waitingTokens = 0;
      slot.waiting.length = 0;
    }
  }

  /** Does what is due. */
  wake(now_ms: number): void {
    for (let ended = this.#batch.takeEnded(now_ms); ended !== undefined; ended = this.#batch.takeEnded(now_ms)) this.#ended(ended, now_ms);
    if (this.#readEnd_ms <= now_ms) this.#read(now_ms);
    if (this.#stalled.length > 0) this.#resume(now_ms);
    if (this.#loadEnd_ms <= now_ms) this.#loadEnded(now_ms);
    else if (this.#loadNews_ms <= now_ms) this.#tellLoading(now_ms);
  }

  nextWake_ms(): number {
    let next_ms = Math.min(this.#readEnd_ms, this.#loadEnd_ms, this.#loadNews_ms, this.#batch.nextEnd_ms());
    for (const { stalledUntil_ms } of this.#stalled) next_ms = Math.min(next_ms, stalledUntil_ms);
    return next_ms;
  }

  /** What can be given to a build's cache in all, in its own tokens. */
  #poolTokens(slot: SimulatedSlot): number {
    return Math.floor((this.#pool_gb() * 2 ** 30) / slot.kvBytesPerToken);
  }

  /** What its cache could still take. */
  freeTokens(slot: SimulatedSlot): number {
    return Math.max(0, Math.floor(((this.#pool_gb() - this.#cached_gb()) * 2 ** 30) / slot.kvBytesPerToken));
  }

  /** Memory in which a build could be placed, once idle ones have gone. */
  freeForLoad_gb(): number {
    let free_gb = this.spec.memory_gb * USABLE_MEMORY - this.#cached_gb();
    let busy = 0;
    for (const slot of this.slots.values()) {
      if (isIdle(slot) && slot.ready) continue;
      free_gb -= slot.size_gb;
      busy += 1;
    }
    return busy >= this.spec.slots_max ? 0 : Math.max(0, free_gb);
  }

  /** When a request that came now would see its first token, if nothing else came; infinite where it would be refused or wait. */
  firstToken_ms(build: number, promptTokens: number, maxOutputTokens: number): number {
    const { speed, size_gb } = entry(this.world.builds, build);
    const slot = this.slots.get(build);
    const read_ms = (promptTokens * 1000) / this.#prefillRate_tps(speed) + 1000 / (this.#batch.rate_tps(1) * speed);
    if (slot === undefined || !slot.ready) {
      if (size_gb * LOAD_ROOM > this.freeForLoad_gb()) return Number.POSITIVE_INFINITY;
      return this.#loads.length * this.#loadTime_ms(build) + this.#loadTime_ms(build) + read_ms;
    }
    if (slot.running >= this.spec.concurrency || promptTokens + maxOutputTokens > this.freeTokens(slot)) return Number.POSITIVE_INFINITY;
    let ahead_ms = 0;
    for (const other of this.#unread) ahead_ms += ((other.promptTokens - other.cachedTokens) * 1000) / this.#prefillRate_tps(speed);
    return ahead_ms + read_ms;
  }

  #wait(work: Work, slot: SimulatedSlot): void {
    work.phase = "waiting";
    slot.waiting.push(work);
    slot.waitingTokens += demand_tokens(work);
  }

  #waitForLoad(work: Work, now_ms: number): void {
    const slot = this.slots.get(work.build);
    // The load was refused at once: its slot is not there, and whoever waited has been told.
    if (slot === undefined) {
      this.#fail(work, "load_failed_memory", now_ms);
      return;
    }
    this.#wait(work, slot);
    this.world.say(this, work, { type: "accepted", phase: "loading", progress: 0 }, now_ms);
  }

  /** Those that wait and find a place begin, in their order. */
  #admit(slot: SimulatedSlot, now_ms: number): void {
    while (slot.running < this.spec.concurrency) {
      const first = slot.waiting[0];
      if (first === undefined || demand_tokens(first) > this.freeTokens(slot)) return;
      slot.waiting.shift();
      slot.waitingTokens -= demand_tokens(first);
      this.#begin(first, slot, now_ms);
    }
  }

  #begin(work: Work, slot: SimulatedSlot, now_ms: number): void {
    slot.running += 1;
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
    if (this.#reading === undefined) this.#readNext(now_ms);
  }

  #readNext(now_ms: number): void {
    const next = this.#unread[0];
    this.#reading = next;
    if (next === undefined) {
      this.#readEnd_ms = Number.POSITIVE_INFINITY;
      return;
    }
    const { speed } = entry(this.world.builds, next.build);
    this.#readEnd_ms = now_ms + (Math.max(1, next.promptTokens - next.cachedTokens) * 1000) / this.#prefillRate_tps(speed);
  }

  #prefillRate_tps(speed: number): number {
    return ((this.spec.prefill_tps / this.misbehaviour.slowDecode) * speed) / (1 + PREFILL_INTERFERENCE * this.#batch.size);
  }

  /** A prompt has been read. */
  #read(now_ms: number): void {
    const work = this.#unread.shift();
    this.#readNext(now_ms);
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
    const read_ms = work.firstToken_ms - work.admitted_ms;
    if (slot !== undefined && work.cachedTokens === 0 && read_ms > 0) {
      slot.prefill_tps = smoothed(slot.prefill_tps, (work.promptTokens * 1000) / read_ms);
    }
  }

  /** The last token has been written. */
  #ended(work: Work, now_ms: number): void {
    const decode_tps = ((work.outputTokens - 1) * 1000) / Math.max(1, now_ms - work.firstToken_ms);
    const slot = this.slots.get(work.build);
    if (slot !== undefined) {
      slot.decode_tps = smoothed(slot.decode_tps, decode_tps);
      this.#prefixes.remember(work);
      this.#giveBack(work, slot, now_ms);
    }
    this.world.say(this, work, { type: "complete", decode_tps }, now_ms);
    this.world.changed(this);
  }

  #giveBack(work: Work, slot: SimulatedSlot, now_ms: number): void {
    if (!work.placed) return;
    work.placed = false;
    work.phase = "away";
    slot.running -= 1;
    slot.runningTokens -= demand_tokens(work);
    slot.used_ms = now_ms;
    for (const other of this.slots.values()) if (other.ready && other.waiting.length > 0) this.#admit(other, now_ms);
    // A load that found no room may find it now.
    if (this.#loads.length > 0 && this.#loadEnd_ms === Number.POSITIVE_INFINITY) this.#startLoad(now_ms);
  }

  #takeOut(work: Work, now_ms: number): number {
    const slot = this.slots.get(work.build);
    const { phase } = work;
    if (phase === "away" || slot === undefined) return 0;
    let written = 0;
    if (phase === "waiting") {
      slot.waiting.splice(slot.waiting.indexOf(work), 1);
      slot.waitingTokens -= demand_tokens(work);
      work.phase = "away";
    } else if (phase === "stalled") this.#stalled.splice(this.#stalled.indexOf(work), 1);
    else if (phase === "decode") written = this.#batch.leave(work, now_ms) * entry(this.world.builds, work.build).speed;
    else {
      this.#unread.splice(this.#unread.indexOf(work), 1);
      if (this.#reading === work) this.#readNext(now_ms);
    }
    this.#giveBack(work, slot, now_ms);
    return written;
  }

  #fail(work: Work, failure: ErrorClass, now_ms: number): void {
    this.world.say(this, work, { type: "failed", failure }, now_ms);
  }

  #enqueueLoad(build: number, now_ms: number): void {
    if (this.#loads.includes(build)) return;
    this.#loads.push(build);
    if (this.#loads.length === 1) this.#startLoad(now_ms);
    else if (!this.#makeRoom(build)) {
      this.#loads.pop();
      this.world.loaded(this, build, "failed", 0);
    } else this.#slot(build, false, now_ms);
  }

  #startLoad(now_ms: number): void {
    const build = this.#loads[0];
    if (build === undefined) return;
    if (!this.slots.has(build) && !this.#makeRoom(build)) {
      this.#loads.shift();
      this.world.loaded(this, build, "failed", 0);
      this.#startLoad(now_ms);
      return;
    }
    if (!this.slots.has(build)) this.#slot(build, false, now_ms);
    this.loads += 1;
    this.#loadStart_ms = now_ms;
    this.#loadEnd_ms = now_ms + this.#loadTime_ms(build);
    this.#loadNews_ms = now_ms + LOAD_NEWS_MS;
  }

  #loadEnded(now_ms: number): void {
    const build = this.#loads.shift();
    this.#loadEnd_ms = this.#loadNews_ms = Number.POSITIVE_INFINITY;
    const slot = build === undefined ? undefined : this.slots.get(build);
    if (build !== undefined && slot !== undefined) {
      const took_ms = now_ms - this.#loadStart_ms;
      if (this.misbehaviour.failsLoad(build, now_ms)) {
        this.slots.delete(build);
        for (const work of slot.waiting.splice(0)) this.#fail(work, "load_failed_memory", now_ms);
        this.world.loaded(this, build, "failed", took_ms);
      } else {
        slot.ready = true;
        slot.load_ms = took_ms;
        slot.used_ms = now_ms;
        for (const work of slot.waiting) this.world.say(this, work, { type: "accepted", phase: "prefilling", progress: 1 }, now_ms);
        this.world.loaded(this, build, "succeeded", took_ms);
        this.#admit(slot, now_ms);
      }
    }
    this.world.changed(this);
    this.#startLoad(now_ms);
  }

  #tellLoading(now_ms: number): void {
    const build = this.#loads[0];
    const slot = build === undefined ? undefined : this.slots.get(build);
    const progress = Math.min(1, (now_ms - this.#loadStart_ms) / Math.max(1, this.#loadEnd_ms - this.#loadStart_ms));
    for (const work of slot?.waiting ?? []) this.world.say(this, work, { type: "accepted", phase: "loading", progress }, now_ms);
    this.#loadNews_ms = now_ms + LOAD_NEWS_MS;
  }

  /** Puts builds away, the one used least recently first, until the new one fits. @returns whether it does */
  #makeRoom(build: number): boolean {
    const need_gb = entry(this.world.builds, build).size_gb * LOAD_ROOM;
    if (need_gb > this.freeForLoad_gb()) return false;
    const free_gb = () => this.#pool_gb() - this.#cached_gb();
    while (this.slots.size >= this.spec.slots_max || free_gb() < need_gb) {
      let oldest: SimulatedSlot | undefined;
      for (const slot of this.slots.values()) {
        if (slot.ready && isIdle(slot) && (oldest === undefined || slot.used_ms < oldest.used_ms)) oldest = slot;
      }
      if (oldest === undefined) return false;
      this.slots.delete(oldest.build);
    }
    return true;
  }

  #slot(build: number, ready: boolean, now_ms: number): void {
    const { size_gb, kvBytesPerToken } = entry(this.world.builds, build);
    this.slots.set(build, {
      build,
      size_gb,
      kvBytesPerToken,
      ready,
      running: 0,
      runningTokens: 0,
      waiting: [],
      waitingTokens: 0,
      decode_tps: 0,
      prefill_tps: 0,
      load_ms: 0,
      used_ms: now_ms,
    });
  }

  #loadTime_ms(build: number): number {
    return LOAD_OVERHEAD_MS + (entry(this.world.builds, build).size_gb * 1000) / this.spec.load_gb_per_s;
  }

  #pool_gb(): number {
    let free_gb = this.spec.memory_gb * USABLE_MEMORY;
    for (const { size_gb } of this.slots.values()) free_gb -= size_gb;
    return free_gb;
  }

  #cached_gb(): number {
    let taken_gb = 0;
    for (const slot of this.slots.values()) taken_gb += gib(slot.runningTokens * slot.kvBytesPerToken);
    return taken_gb;
  }
}

/** A load needs room beyond the weights: the engine's buffers and a first cache. */
const LOAD_ROOM = 1.1;
/** Starting the engine. */
const LOAD_OVERHEAD_MS = 1_000;
