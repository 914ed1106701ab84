import type { Clock } from "@umbel/protocol";
import type { LifetimeCounters } from "./lifetime-counters.js";
import type { DisconnectReason, FleetLog, MachineRow, MachineSession, MachineStore, RememberedMachine } from "./ports.js";
import { STORE_TIMEOUT_MS } from "./settings.js";

/** Keeps rows of machines without ever making a socket wait for the database, and never loses that a machine is untrusted. */
export interface MachineRecords {
  /** Stores a machine that has just proven itself. Rejects when the store fails or takes over 5 s: then it must not serve. */
  remember(row: MachineRow): Promise<RememberedMachine>;
  /** Adds a connection to the machine's history; aside. */
  opened(session: MachineSession): void;
  /** Notes that the machine was seen now, and what it has counted; aside. */
  seen(session: MachineSession, counters: LifetimeCounters): void;
  /** The same of a connection that has ended now; aside. */
  closed(session: MachineSession, counters: LifetimeCounters, reason: DisconnectReason): void;
  /** Stores that the machine is untrusted; aside, and again on every `retry` until it is stored. */
  untrusted(machineId: string, reason: string): void;
  retry(): void;
  /** Waits for writes under way. */
  flush(): Promise<void>;
}

export function createMachineRecords(store: MachineStore, clock: Clock, log: FleetLog): MachineRecords {
  const unstored = new Map<string, { readonly reason: string; readonly at: Date }>();
  const underWay = new Set<Promise<void>>();

  function aside(work: Promise<void>, failure: string): void {
    const supervised = work.catch((error: unknown) => log.error({ err: error }, failure)).finally(() => underWay.delete(supervised));
    underWay.add(supervised);
  }

  async function storeUntrusted(machineId: string, reason: string, at: Date): Promise<void> {
    unstored.set(machineId, { reason, at });
    await store.markUntrusted(machineId, reason, at);
    unstored.delete(machineId);
  }

  return {
    remember: (row) => withinStoreTimeout(store.upsert(row), clock),
    opened(session) {
      aside(store.openSession(session), "a machine's connection was not stored");
    },
    seen(session, counters) {
      aside(store.seen(session, counters, clock.date()), "a machine's last sight was not stored");
    },
    closed(session, counters, reason) {
      const at = clock.date();
      aside(
        store.closeSession(session, reason, at).then(() => store.seen(session, counters, at)),
        "the end of a machine's connection was not stored",
      );
    },
    untrusted(machineId, reason) {
      aside(storeUntrusted(machineId, reason, clock.date()), "that a machine is untrusted was not stored; it will be tried again");
    },
    retry() {
      for (const [machineId, { reason, at }] of unstored) {
        aside(storeUntrusted(machineId, reason, at), "that a machine is untrusted was not stored; it will be tried again");
      }
    },
    async flush() {
      await Promise.all(underWay);
    },
  };
}

function withinStoreTimeout<T>(work: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(STORE_TIMEOUT_MS, () => reject(new Error("the machine store did not answer in time")), "background");
    work.then(resolve, reject).finally(cancel);
  });
}
