import type { Clock } from "@umbel/protocol";
import { rollupRepository, type Store } from "../store/index.js";

/** A settlement whose time is before midnight may be committed a little after it. */
const SLACK_MS = 3_600_000;
/** The same of one minute: a statement has its answer in ten seconds, or is written anew. */
const MINUTE_SLACK_MS = 120_000;
/** Source: money.md §20. */
const MINUTES_KEPT_MS = 30 * 24 * 3_600_000;

/** What was used, added up by the day, so that sums over years read no single request, and by the minute. */
export interface UsageDays {
  /** Adds up every day that is over. Whoever does it at the same time adds nothing twice. @returns how many days */
  addUp(): Promise<number>;
  /** The same for the minutes of late, of what is public, so that figures of every minute read no single request. */
  addUpMinutes(): Promise<void>;
}

export function createUsageDays({ store, clock }: { readonly store: Pick<Store, "transaction">; readonly clock: Clock }): UsageDays {
  return {
    async addUp() {
      const before = new Date(clock.date().getTime() - SLACK_MS);
      let days = 0;
      while (await store.transaction((tx) => rollupRepository.addDay(tx, before))) days += 1;
      return days;
    },
    async addUpMinutes() {
      const ago = (time_ms: number) => new Date(clock.date().getTime() - time_ms);
      const [before, keptFrom] = [ago(MINUTE_SLACK_MS), ago(MINUTES_KEPT_MS)];
      while (await store.transaction((tx) => rollupRepository.addMinutes(tx, before, keptFrom)));
    },
  };
}
