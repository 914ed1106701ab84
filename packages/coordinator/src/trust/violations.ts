/** Machines remembered here at once; older ones are remembered by the store alone. */
export const REMEMBERED_VIOLATORS_MAX = 10_000;

/** Which device keys have broken the protocol since this process started: a reconnect does not launder a violation. */
export interface Violations {
  record(machineId: string, reason: string): void;
  /** Why the machine is untrusted; undefined for one that is not. */
  reasonFor(machineId: string): string | undefined;
}

/** Creates an empty memory, bounded by `REMEMBERED_VIOLATORS_MAX`. The first reason stays. */
export function createViolations(): Violations {
  const reasons = new Map<string, string>();
  return {
    record(machineId, reason) {
      if (reasons.has(machineId)) return;
      if (reasons.size >= REMEMBERED_VIOLATORS_MAX) {
        const [oldest] = reasons.keys();
        if (oldest !== undefined) reasons.delete(oldest);
      }
      reasons.set(machineId, reason);
    },
    reasonFor: (machineId) => reasons.get(machineId),
  };
}
