import type { Clock } from "@umbel/protocol";
import { machineSessionRepository, type Store } from "../../store/index.js";

const DAY_ms = 24 * 3_600_000;
/** Three times as long as an open connection goes without a note that it was seen: another coordinator's must not be ended. Source: routing.md §2.5. */
const LOST_ms = 3 * 60_000;
/** Rows that one sweep removes. */
const SWEEP_ROWS = 10_000;

/** The history of machines' connections, apart from what the fleet writes into it. */
export interface MachineSessions {
  /** Ends those of coordinators that have not ended them. For the start of one. */
  closeLost(): Promise<void>;
  /** Removes those that ended long ago. */
  sweep(): Promise<void>;
}

export function createMachineSessions(
  { db }: Pick<Store, "db">,
  clock: Clock,
  { machineSessionRetention_days }: { readonly machineSessionRetention_days: number },
): MachineSessions {
  const before = (age_ms: number): Date => new Date(clock.date().getTime() - age_ms);
  return {
    closeLost: () => machineSessionRepository.closeLost(db, before(LOST_ms)),
    async sweep() {
      await machineSessionRepository.deleteClosed(db, before(machineSessionRetention_days * DAY_ms), SWEEP_ROWS);
    },
  };
}
