import type { Clock } from "@umbel/protocol";
import { attempt } from "../ledger/index.js";
import type { Store, Tx } from "../store/index.js";

/** The database as payments use it: again when a transaction lost against another, and an error of its own when it does not answer. */
export interface Database {
  /** @throws LedgerUnavailableError */
  transaction<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
  /** @throws LedgerUnavailableError */
  read<T>(query: (tx: Tx) => Promise<T>): Promise<T>;
}

export function createDatabase(store: Store, clock: Clock, random: () => number): Database {
  return {
    transaction: (body) => attempt(() => store.transaction(body), { clock, random }),
    read: (query) => attempt(() => query(store.db), { clock, random }),
  };
}
