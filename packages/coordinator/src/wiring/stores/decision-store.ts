import type { Attempted, DecisionStore } from "../../insight/index.js";
import { calibrationRepository, decisionRepository, type Store, type StoredDecisionRow } from "../../store/index.js";

/** Attempts shown of one request; more than dispatch makes. */
const ATTEMPTS_MAX = 256;

/** Rows of decisions in the database. */
export function createDecisionStore({ db, client, reports }: Pick<Store, "db" | "client" | "reports">): DecisionStore {
  return {
    ensureDay: (day) => decisionRepository.ensureDay(client, day),
    insert: (rows) => decisionRepository.insert(db, rows),
    end: (end) => decisionRepository.end(db, end),
    ofRequest: async (id, accountDigest) =>
      (await decisionRepository.ofRequest(reports.db, id, accountDigest, ATTEMPTS_MAX)).map(attempted),
    browse: async (filter) => (await decisionRepository.browse(reports.db, filter)).map(attempted),
    workOf: (filter) => decisionRepository.workOf(reports.db, filter),
    calibration: (since) => calibrationRepository.rows(reports.db, since),
    removeDaysBefore: (day) => decisionRepository.removeDaysBefore(client, day),
  };
}

/** What is in JSON columns was written by `insert` above, and closed words by it and `end`. */
function attempted({ day: _day, accountDigest: _account, ...row }: StoredDecisionRow): Attempted {
  return row as Attempted;
}
