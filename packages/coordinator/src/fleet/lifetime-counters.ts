import type { Heartbeat } from "@umbel/protocol";
import { z } from "zod";

/** What every version says. */
const ALWAYS_SAID = ["requests_served", "tokens_generated"] as const;
/** What is left out where it is 0, and by some versions always: then it is as it was. */
const OMITTED_AS_0 = [
  "cancellations_received",
  "cancellations_before_output",
  "cancellations_partial_complete",
  "cancel_during_model_load",
  "generation_errors_after_output",
  "chunk_encryption_errors",
  "stream_closed_without_terminal",
  "usage_gaps",
  "errors",
  "worker_restarts",
] as const;
export const COUNTER_NAMES = [...ALWAYS_SAID, ...OMITTED_AS_0] as const;
type CounterName = (typeof COUNTER_NAMES)[number];

/** What a machine has counted. */
export type MachineCounters = Readonly<Record<CounterName, number>>;

/** What it has counted in all its life, and what its process had counted when it last said so. */
export interface LifetimeCounters {
  readonly total: MachineCounters;
  readonly last: MachineCounters;
}

const NONE = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as MachineCounters;
const NOTHING_COUNTED: LifetimeCounters = { total: NONE, last: NONE };

/**
 * Adds what has come since the machine's last word. It counts from its process's start on, so what is less than before has all come since
 * (routing.md §2.3).
 */
export function counted(before: LifetimeCounters, now: Heartbeat["stats"]): LifetimeCounters {
  const total = { ...before.total };
  const last = { ...before.last };
  for (const name of COUNTER_NAMES) {
    const value = now[name] ?? 0;
    if (value === 0 && OMITTED_AS_0.some((one) => one === name)) continue;
    total[name] = Math.min(Number.MAX_SAFE_INTEGER, total[name] + (value >= last[name] ? value - last[name] : value));
    last[name] = value;
  }
  return { total, last };
}

/** What was not counted yet when it was stored is 0. */
const counters = z.object(
  Object.fromEntries(COUNTER_NAMES.map((name) => [name, z.int().nonnegative().default(0)])) as Record<CounterName, z.ZodDefault<z.ZodInt>>,
);
const storedCounters = z.object({ total: counters, last: counters });

/** What is stored of a machine; one of which nothing can be read begins afresh. */
export function readCounters(stored: unknown): LifetimeCounters {
  const parsed = storedCounters.safeParse(stored);
  return parsed.success ? parsed.data : NOTHING_COUNTED;
}
