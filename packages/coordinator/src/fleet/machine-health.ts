import type { Clock } from "@umbel/protocol";
import { HealthMemory } from "@umbel/routing";
import type { FleetLog, MachineStore } from "./ports.js";
import { fromStored, toStored } from "./stored-health.js";

/** Machines whose health is written in one statement. */
export const HEALTH_BATCH_max = 500;
/** How soon a refusal that health memory has come to is stored. */
const SOON_ms = 1_000;

/**
 * Health memory that outlives this process: what is learnt of machines is written aside, some seconds late at most, and read again when a
 * machine is admitted, so that neither a reconnect nor a restart launders anything (routing.md §2.5).
 */
export interface MachineHealth {
  readonly memory: HealthMemory;
  /** Takes over what the database had of a machine; of no effect once this process knows the machine itself. */
  restore(machineId: string, stored: unknown): void;
  /** Writes what is not stored, aside. */
  store(): void;
  /** The same within a second, once, however often it is asked for. */
  storeSoon(): void;
  /** Writes everything and waits for it. */
  flush(): Promise<void>;
}

export function createMachineHealth(store: Pick<MachineStore, "saveHealth">, clock: Clock, log: FleetLog): MachineHealth {
  const memory = new HealthMemory();
  let writing: Promise<void> | undefined;
  let cancelSoon: (() => void) | undefined;

  const reading = () => ({ now_ms: clock.now_ms(), date: clock.date() });

  async function write(): Promise<void> {
    for (;;) {
      const taken = memory.takeUnstored(HEALTH_BATCH_max);
      if (taken.length === 0) return;
      const now = reading();
      try {
        await store.saveHealth(
          taken.map(([machineId, record]) => ({ machineId, health: toStored(record, now) })),
          now.date,
        );
      } catch (error) {
        memory.notStored(taken.map(([machineId]) => machineId));
        log.error({ err: error }, "the health of machines was not stored; it will be tried again");
        return;
      }
    }
  }

  /** One write at a time: what is learnt meanwhile goes with the next. */
  function storeNow(): Promise<void> {
    writing ??= write().finally(() => {
      writing = undefined;
    });
    return writing;
  }

  return {
    memory,
    restore(machineId, stored) {
      if (stored === undefined) return;
      const record = fromStored(stored, reading());
      if (record === undefined) log.warn({}, "a machine's stored health could not be read; it starts afresh");
      else memory.restore(machineId, record);
    },
    store: () => void storeNow(),
    storeSoon() {
      cancelSoon ??= clock.setTimer(
        SOON_ms,
        () => {
          cancelSoon = undefined;
          void storeNow();
        },
        "background",
      );
    },
    async flush() {
      cancelSoon?.();
      cancelSoon = undefined;
      await writing;
      await storeNow();
    },
  };
}
