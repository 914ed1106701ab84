import type { Rejection, RejectionStore, StoredRejection } from "../../insight/index.js";
import { type RejectionRow, rejectionRepository, type Store, type StoredRejectionRow } from "../../store/index.js";

/** Refusals in the database. */
export function createRejectionStore({ db, reports }: Pick<Store, "db" | "reports">): RejectionStore {
  return {
    insert: (rows) => rejectionRepository.insert(db, rows.map(toRow)),
    browse: async (filter) => (await rejectionRepository.browse(reports.db, filter)).map(fromRow),
    removeOlderThan: (at) => rejectionRepository.removeOlderThan(db, at),
  };
}

function toRow({ at, shape, promptTokens, chances, lack, ...rest }: Rejection): RejectionRow {
  const couldHaveServed = chances === undefined ? undefined : chances.candidates > 0;
  return { ...rest, ...shape, ...chances, ...lack, createdAt: at, estimatedPromptTokens: promptTokens, couldHaveServed };
}

/** What is not known is null. */
function fromRow({ createdAt, estimatedPromptTokens, ...rest }: StoredRejectionRow): StoredRejection {
  return { ...rest, at: createdAt, promptTokens: estimatedPromptTokens };
}
