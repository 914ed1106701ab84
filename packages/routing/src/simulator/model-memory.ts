import { gib } from "../admission/gib.js";
import { entry, type MachineSpec, type SimulatedBuild, USABLE_MEMORY } from "./fleet-mix.js";
import { isIdle, newSlot, type SimulatedSlot } from "./slot.js";

/** A load needs room beyond the weights: the engine's buffers and a first cache. */
const LOAD_ROOM = 1.1;
/** Starting the engine. */
const LOAD_OVERHEAD_MS = 1_000;
/** Between two pieces of news of a load under way. */
const NEWS_MS = 5_000;

interface Load {
  readonly build: number;
  readonly start_ms: number;
  readonly end_ms: number;
  news_ms: number;
}

/**
 * Which builds a machine has in memory. They come in one at a time; the one used least recently goes where room is needed, unless it is at
 * work. What builds leave is one pool for what requests are told and tell.
 */
export class ModelMemory {
  readonly slots = new Map<number, SimulatedSlot>();
  /** Wanted, in this order, after the one that is being loaded. */
  readonly #wanted: number[] = [];
  #load: Load | undefined;

  constructor(
    private readonly spec: MachineSpec,
    private readonly builds: readonly SimulatedBuild[],
  ) {
    for (const build of spec.builds.slice(0, spec.resident)) this.slots.set(build, newSlot(build, entry(builds, build), true, 0));
  }

  /** When something is due; infinite if nothing is being loaded. */
  get next_ms(): number {
    return this.#load === undefined ? Number.POSITIVE_INFINITY : Math.min(this.#load.end_ms, this.#load.news_ms);
  }

  /** The build that is being loaded, and how far it has come. */
  progress(now_ms: number): { readonly build: number; readonly share: number } | undefined {
    if (this.#load === undefined) return undefined;
    const { build, start_ms, end_ms } = this.#load;
    return { build, share: Math.min(1, (now_ms - start_ms) / (end_ms - start_ms)) };
  }

  /** @returns the slot, ready or not; undefined where there is no room and none can be made */
  want(build: number, now_ms: number): SimulatedSlot | undefined {
    const known = this.slots.get(build);
    if (known !== undefined) return known;
    if (!this.#makeRoom(build)) return undefined;
    const slot = newSlot(build, entry(this.builds, build), false, now_ms);
    this.slots.set(build, slot);
    this.#wanted.push(build);
    this.#startNext(now_ms);
    return slot;
  }

  /** @returns whether it was there, ready, and idle */
  putAway(build: number): boolean {
    const slot = this.slots.get(build);
    return slot?.ready === true && isIdle(slot) && this.slots.delete(build);
  }

  /** A load that has ended by now; undefined if none has. */
  takeEnded(now_ms: number): { readonly slot: SimulatedSlot; readonly took_ms: number } | undefined {
    const load = this.#load;
    if (load === undefined || load.end_ms > now_ms) return undefined;
    this.#load = undefined;
    this.#startNext(now_ms);
    return { slot: entryOf(this.slots, load.build), took_ms: now_ms - load.start_ms };
  }

  /** @returns whether news of the load is due; it is then due again a while later */
  takeNews(now_ms: number): boolean {
    if (this.#load === undefined || this.#load.news_ms > now_ms) return false;
    this.#load.news_ms = now_ms + NEWS_MS;
    return true;
  }

  clear(): void {
    this.slots.clear();
    this.#wanted.length = 0;
    this.#load = undefined;
  }

  /** Tokens of the build that could ever be in memory at once. */
  allTokens({ kvBytesPerToken }: SimulatedSlot): number {
    return Math.floor((this.#pool_gb() * 2 ** 30) / kvBytesPerToken);
  }

  /** Tokens of the build for which there is room now. */
  freeTokens({ kvBytesPerToken }: SimulatedSlot): number {
    return Math.max(0, Math.floor(((this.#pool_gb() - this.#taken_gb()) * 2 ** 30) / kvBytesPerToken));
  }

  /** Memory in which a build could be placed, once idle ones have gone. */
  freeForLoad_gb(): number {
    let free_gb = this.spec.memory_gb * USABLE_MEMORY - this.#taken_gb();
    let busy = 0;
    for (const slot of this.slots.values()) {
      if (isIdle(slot) && slot.ready) continue;
      free_gb -= slot.size_gb;
      busy += 1;
    }
    return busy >= this.spec.slots_max ? 0 : Math.max(0, free_gb);
  }

  /** Until the build would be there if it were wanted now; infinite where it could not be. */
  untilLoaded_ms(build: number, now_ms: number): number {
    if (!this.slots.has(build) && entry(this.builds, build).size_gb * LOAD_ROOM > this.freeForLoad_gb()) return Number.POSITIVE_INFINITY;
    let ahead_ms = this.#load === undefined ? 0 : this.#load.end_ms - now_ms;
    if (this.#load?.build === build) return ahead_ms;
    for (const wanted of this.#wanted) if (wanted !== build) ahead_ms += this.#loadTime_ms(wanted);
    return ahead_ms + this.#loadTime_ms(build);
  }

  #startNext(now_ms: number): void {
    const build = this.#load === undefined ? this.#wanted.shift() : undefined;
    if (build === undefined) return;
    this.#load = { build, start_ms: now_ms, end_ms: now_ms + this.#loadTime_ms(build), news_ms: now_ms + NEWS_MS };
  }

  #makeRoom(build: number): boolean {
    const need_gb = entry(this.builds, build).size_gb * LOAD_ROOM;
    if (need_gb > this.freeForLoad_gb()) return false;
    while (this.slots.size >= this.spec.slots_max || this.#pool_gb() - this.#taken_gb() < need_gb) {
      let oldest: SimulatedSlot | undefined;
      for (const slot of this.slots.values()) {
        if (slot.ready && isIdle(slot) && (oldest === undefined || slot.used_ms < oldest.used_ms)) oldest = slot;
      }
      if (oldest === undefined) return false;
      this.slots.delete(oldest.build);
    }
    return true;
  }

  #loadTime_ms(build: number): number {
    return LOAD_OVERHEAD_MS + (entry(this.builds, build).size_gb * 1000) / this.spec.load_gb_per_s;
  }

  #pool_gb(): number {
    let free_gb = this.spec.memory_gb * USABLE_MEMORY;
    for (const { size_gb } of this.slots.values()) free_gb -= size_gb;
    return free_gb;
  }

  #taken_gb(): number {
    let taken_gb = 0;
    for (const slot of this.slots.values()) taken_gb += gib(slot.runningTokens * slot.kvBytesPerToken);
    return taken_gb;
  }
}

function entryOf(slots: ReadonlyMap<number, SimulatedSlot>, build: number): SimulatedSlot {
  const slot = slots.get(build);
  if (slot === undefined) throw new Error(`build ${build} has left memory while it was being loaded`);
  return slot;
}
