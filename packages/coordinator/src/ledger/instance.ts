import os from "node:os";
import type { Clock } from "@umbel/protocol";
import { instanceRepository, ledgerRepository, type Store } from "../store/index.js";
import type { LedgerEvent } from "./events.js";

/** Intervals of money.md §10, "Orphan recovery". */
export const HEARTBEAT_MS = 10_000;
export const SILENT_AFTER_MS = 60_000;
/** An outage that hit everybody makes everybody look silent; only after this long with the database is a verdict fair. */
export const OWN_ACCESS_MS = 120_000;
const FORGET_AFTER_MS = 24 * 3_600_000;
export const ORPHANS_PER_QUERY = 500;

/** Which other coordinators count as dead: all of them (only one may use an embedded database) or those that fell silent. */
export type DeadInstances = "all_others" | "silent_others";

export interface InstanceOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly deadInstances: DeadInstances;
  readonly onEvent: (event: LedgerEvent) => void;
}

/** This coordinator's sign of life, and its view of who else is alive. */
export interface Instance {
  /** Announces itself, and goes on doing so until `close`. @throws when the database does not answer */
  beat(): Promise<void>;
  /** Requests whose holds were left open by coordinators that are gone; `ORPHANS_PER_QUERY` at most, ask again while there are so many. */
  orphans(): Promise<readonly string[]>;
  close(): void;
}

export function createInstance({ store, clock, instanceId, deadInstances, onEvent }: InstanceOptions): Instance {
  let accessSince_ms: number | undefined;
  let cancelTimer: () => void = () => undefined;

  async function announce(): Promise<void> {
    try {
      await instanceRepository.announce(store.client, { id: instanceId, host: os.hostname(), pid: process.pid, at: clock.date() });
      accessSince_ms ??= clock.now_ms();
    } catch (error) {
      accessSince_ms = undefined;
      throw error;
    }
  }

  function beatLater(): void {
    cancelTimer();
    cancelTimer = clock.setTimer(
      HEARTBEAT_MS,
      () => {
        announce().catch((error: Error) => onEvent({ type: "heartbeat_failed", error }));
        beatLater();
      },
      "background",
    );
  }

  return {
    async beat() {
      await announce();
      beatLater();
    },
    async orphans() {
      if (deadInstances === "all_others") return ledgerRepository.openOfOthers(store.client, instanceId, ORPHANS_PER_QUERY);
      if (accessSince_ms === undefined || clock.now_ms() - accessSince_ms < OWN_ACCESS_MS) return [];
      await ledgerRepository.forgetInstances(store.db, before(clock, FORGET_AFTER_MS));
      return ledgerRepository.openOfSilent(store.db, instanceId, before(clock, SILENT_AFTER_MS), ORPHANS_PER_QUERY);
    },
    close: () => cancelTimer(),
  };
}

function before(clock: Clock, age_ms: number): Date {
  return new Date(clock.date().getTime() - age_ms);
}
