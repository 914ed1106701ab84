import type { Clock } from "@umbel/protocol";

/** Phases of a request before its first content, for `X-Timing`. Source: api.md §17. */
const PHASES = ["route", "queue", "encrypt", "dispatch", "provider"] as const;
type Phase = (typeof PHASES)[number];

/** Adds up how long each phase took, over all attempts. */
export interface Stopwatch {
  /** Begins a phase; the returned function ends it. */
  start(phase: Phase): () => void;
  /** Whole microseconds by name, e.g. `queue_us`; 0 for phases that did not happen. */
  timing(): Readonly<Record<string, number>>;
}

export function createStopwatch(clock: Clock): Stopwatch {
  const spent_ms = new Map<Phase, number>();
  return {
    start(phase) {
      const start_ms = clock.now_ms();
      return () => void spent_ms.set(phase, (spent_ms.get(phase) ?? 0) + clock.now_ms() - start_ms);
    },
    timing: () => Object.fromEntries(PHASES.map((phase) => [`${phase}_us`, Math.round((spent_ms.get(phase) ?? 0) * 1_000)])),
  };
}
