import type { Heartbeat } from "@umbel/protocol";
import { z } from "zod";

const NAMES = ["requests_served", "tokens_generated", "cancellations_received", "errors", "worker_restarts"] as const;
/** Machines of some versions leave these out, which reads as 0. */
const OMITTED_AS_0: readonly string[] = ["cancellations_received", "errors", "worker_restarts"];

/** What a machine has counted. */
export type MachineCounters = Readonly<Record<(typeof NAMES)[number], number>>;

/** What it has counted in all its life, and what its process had counted when it last said so. */
export interface LifetimeCounters {
  readonly total: MachineCounters;
  readonly last: MachineCounters;
}

const NONE: MachineCounters = { requests_served: 0, tokens_generated: 0, cancellations_received: 0, errors: 0, worker_restarts: 0 };
const NOTHING_COUNTED: LifetimeCounters = { total: NONE, last: NONE };

/**
 * Adds what has come since the machine's last word. It counts from its process's start on, so what is less than before has all come since
 * (routing.md §2.3).
 */
export function counted(before: LifetimeCounters, now: Heartbeat["stats"]): LifetimeCounters {
  const total = { ...before.total };
  const last = { ...before.last };
  for (const name of NAMES) {
    if (now[name] === 0 && OMITTED_AS_0.includes(name)) continue;
    total[name] = Math.min(Number.MAX_SAFE_INTEGER, total[name] + (now[name] >= last[name] ? now[name] - last[name] : now[name]));
    last[name] = now[name];
  }
  return { total, last };
}

const counters = z.object(
  Object.fromEntries(NAMES.map((name) => [name, z.int().nonnegative()])) as Record<(typeof NAMES)[number], z.ZodInt>,
);
const storedCounters = z.object({ total: counters, last: counters });

/** What is stored of a machine; one of which nothing can be read begins afresh. */
export function readCounters(stored: unknown): LifetimeCounters {
  const parsed = storedCounters.safeParse(stored);
  return parsed.success ? parsed.data : NOTHING_COUNTED;
}
