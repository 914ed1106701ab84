import { allowedFields } from "@umbel/protocol";
import type { LogReportStore, TelemetryStore } from "../../insight/index.js";
import { logReportRepository, type Store, telemetryRepository } from "../../store/index.js";

/** What machines tell, in the database. */
export function createTelemetryStore({ db }: Pick<Store, "db">): TelemetryStore {
  return {
    insert: (rows) => telemetryRepository.insert(db, rows),
    browse: async (filter, page) => {
      const rows = await telemetryRepository.browse(db, filter, page);
      return rows.map((row) => ({ ...row, fields: allowedFields(row.fields) }));
    },
    groups: (filter, limit) => telemetryRepository.groups(db, filter, limit),
    removeOlderThan: (at) => telemetryRepository.removeOlderThan(db, at),
  };
}

/** Log reports in the database. */
export function createLogReportStore(store: Pick<Store, "db" | "transaction">): LogReportStore {
  return {
    insert: (report, parts, kept) =>
      store.transaction(async (tx) => {
        await logReportRepository.insert(tx, report, parts);
        await logReportRepository.thinOut(tx, report.machine, kept);
      }),
    list: (filter, limit) => logReportRepository.list(store.db, filter, limit),
    parts: (id) => logReportRepository.parts(store.db, id),
    remove: (id, accountId) => logReportRepository.remove(store.db, id, accountId),
    removeOlderThan: (at) => logReportRepository.removeOlderThan(store.db, at),
  };
}
