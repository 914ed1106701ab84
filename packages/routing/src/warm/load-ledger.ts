import type { LoadRefusal } from "@umbel/protocol";
import type { WarmSettings } from "./settings.js";

/** A load that was asked for and has not ended. */
export interface PendingLoad {
  readonly providerId: string;
  readonly build: string;
  readonly startedAt_ms: number;
}

/** A copy that has just been loaded may be missing from a report that was on its way. */
const REPORT_LAG_MS = 30_000;
/** New durations weigh so much in a build's usual load time (routing.md §13.3). */
const DURATION_WEIGHT = 0.25;

/** The loads under way, one a machine; rests after failures; and which copies are there because a plan asked for them. */
export class LoadLedger {
  readonly #settings: WarmSettings;
  readonly #pending = new Map<string, PendingLoad>();
  /** By machine and build, or by machine alone: instant until which no load is planned. */
  readonly #rests = new Map<string, number>();
  readonly #ours = new Map<string, { readonly providerId: string; readonly build: string; readonly since_ms: number }>();
  readonly #usual_ms = new Map<string, number>();

  constructor(settings: WarmSettings) {
    this.#settings = settings;
  }

  get pending(): readonly PendingLoad[] {
    return [...this.#pending.values()];
  }

  get ours(): readonly { readonly providerId: string; readonly build: string; readonly since_ms: number }[] {
    return [...this.#ours.values()];
  }

  pendingOf(providerId: string): PendingLoad | undefined {
    return this.#pending.get(providerId);
  }

  /** How long the build usually takes to load; 0 is unknown. */
  usual_ms(build: string): number {
    return this.#usual_ms.get(build) ?? 0;
  }

  isResting(providerId: string, build: string, now_ms: number): boolean {
    return (this.#rests.get(providerId) ?? 0) > now_ms || (this.#rests.get(pair(providerId, build)) ?? 0) > now_ms;
  }

  started(providerId: string, build: string, now_ms: number): void {
    this.#pending.set(providerId, Object.freeze({ providerId, build, startedAt_ms: now_ms }));
  }

  /** The command never left. */
  withdrawn(providerId: string, build: string): void {
    if (this.#pending.get(providerId)?.build === build) this.#pending.delete(providerId);
  }

  succeeded(providerId: string, build: string, now_ms: number): void {
    const load = this.#pending.get(providerId);
    if (load?.build !== build) return;
    this.#pending.delete(providerId);
    this.#ours.set(pair(providerId, build), { providerId, build, since_ms: now_ms });
    const took_ms = now_ms - load.startedAt_ms;
    const usual_ms = this.#usual_ms.get(build);
    this.#usual_ms.set(build, usual_ms === undefined ? took_ms : usual_ms + (took_ms - usual_ms) * DURATION_WEIGHT);
  }

  failed(providerId: string, build: string, reason: LoadRefusal, now_ms: number): void {
    this.withdrawn(providerId, build);
    const { loadBackoff_ms, loadCooldown_ms } = this.#settings;
    const mayPassSoon = reason === "draining" || reason === "insufficient_memory" || reason === "slot_cap";
    const key = reason === "draining" ? providerId : pair(providerId, build);
    this.#rests.set(key, now_ms + (mayPassSoon ? loadBackoff_ms : loadCooldown_ms));
  }

  putAway(providerId: string, build: string): void {
    this.#ours.delete(pair(providerId, build));
  }

  gone(providerId: string): void {
    this.#pending.delete(providerId);
    for (const [key, copy] of this.#ours) if (copy.providerId === providerId) this.#ours.delete(key);
    for (const key of this.#rests.keys()) if (key === providerId || key.startsWith(`${providerId}\n`)) this.#rests.delete(key);
  }

  /** Ends loads that have had their time, and takes over what machines show: a copy that is there has been loaded, whatever was said. */
  settle(isResident: (providerId: string, build: string) => boolean, now_ms: number): void {
    for (const { providerId, build, startedAt_ms } of this.pending) {
      if (isResident(providerId, build)) this.succeeded(providerId, build, now_ms);
      else if (now_ms - startedAt_ms >= this.#settings.pendingLoad_ms_max) this.failed(providerId, build, "insufficient_memory", now_ms);
    }
    for (const { providerId, build, since_ms } of this.ours) {
      if (now_ms - since_ms > REPORT_LAG_MS && !isResident(providerId, build)) this.putAway(providerId, build);
    }
    for (const [key, until_ms] of this.#rests) if (until_ms <= now_ms) this.#rests.delete(key);
  }
}

function pair(providerId: string, build: string): string {
  return `${providerId}\n${build}`;
}
