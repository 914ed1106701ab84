import type { ErrorCooldown } from "./error-cooldown.js";
import type { NodeBreaker } from "./node-breaker.js";
import type { OutcomeCounts } from "./outcomes.js";
import type { Reputation } from "./reputation.js";

/** Everything that is remembered of one machine, as plain data. Instants are on whichever clock `shifted` last put them on. */
export interface HealthRecord {
  readonly breaker: NodeBreaker;
  /** By build. */
  readonly loadCooldowns: Readonly<Record<string, number>>;
  /** By build and shape of request, see `cooldownKey`. */
  readonly errorCooldowns: Readonly<Record<string, ErrorCooldown>>;
  readonly outcomes: OutcomeCounts;
  readonly reputation: Reputation;
}

/** The record with every instant moved: to a wall clock to be stored, and back to another process's monotonic clock. */
export function shifted(record: HealthRecord, by_ms: number): HealthRecord {
  // 0 stands for never, on every clock.
  const move = (at_ms: number): number => (at_ms === 0 ? 0 : at_ms + by_ms);
  const { breaker, loadCooldowns, errorCooldowns } = record;
  return {
    ...record,
    breaker: {
      ...breaker,
      openUntil_ms: move(breaker.openUntil_ms),
      probeUntil_ms: move(breaker.probeUntil_ms),
      touchedAt_ms: move(breaker.touchedAt_ms),
    },
    loadCooldowns: mapped(loadCooldowns, move),
    errorCooldowns: mapped(errorCooldowns, ({ strikes_ms, until_ms }) => ({ strikes_ms: strikes_ms.map(move), until_ms: move(until_ms) })),
  };
}

function mapped<Value>(values: Readonly<Record<string, Value>>, change: (value: Value) => Value): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
