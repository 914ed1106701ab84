import type { FleetLog } from "./ports.js";

/** Tells waiting requests that a build may have capacity. Many changes within one turn are one call. */
export class CapacitySignals {
  readonly #log: FleetLog;
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #changed = new Set<string>();
  #isScheduled = false;

  constructor(log: FleetLog) {
    this.#log = log;
  }

  subscribe(build: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(build) ?? new Set();
    this.#listeners.set(build, listeners);
    // A wrapper of its own, so that the same function may be subscribed twice.
    const call = (): void => listener();
    listeners.add(call);
    return () => {
      listeners.delete(call);
      if (listeners.size === 0 && this.#listeners.get(build) === listeners) this.#listeners.delete(build);
    };
  }

  changed(builds: Iterable<string>): void {
    for (const build of builds) if (this.#listeners.has(build)) this.#changed.add(build);
    if (this.#changed.size === 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#fire());
  }

  #fire(): void {
    this.#isScheduled = false;
    const builds = [...this.#changed];
    this.#changed.clear();
    for (const listener of builds.flatMap((build) => [...(this.#listeners.get(build) ?? [])])) {
      try {
        listener();
      } catch (error) {
        this.#log.error({ err: error }, "a listener for capacity failed");
      }
    }
  }
}
