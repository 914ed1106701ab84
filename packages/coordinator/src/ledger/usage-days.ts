import type { Clock } from "@umbel/protocol";
import { rollupRepository, type Store } from "../store/index.js";

/** A settlement whose time is before midnight may be committed a little after it. */
const SLACK_MS = 3_600_000;

/** What was used, added up by the day, so that sums over years read no single request. */
export interface UsageDays {
  /** Adds up every day that is over. Whoever does it at the same time adds nothing twice. @returns how many days */
  addUp(): Promise<number>;
}

export function createUsageDays({ store, clock }: { readonly store: Pick<Store, "transaction">; readonly clock: Clock }): UsageDays {
  return {
    async addUp() {
      const before = new Date(clock.date().getTime() - SLACK_MS);
      let days = 0;
      while (await store.transaction((tx) => rollupRepository.addDay(tx, before))) days += 1;
      return days;
    },
  };
}
