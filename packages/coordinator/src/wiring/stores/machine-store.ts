import type { MachineStore } from "../../fleet/index.js";
import { machineRepository, machineSessionRepository, type Store } from "../../store/index.js";

/** Machines listed of one account: those seen last. */
const ACCOUNT_MACHINES_MAX = 1_000;

/** Rows of machines in the database. @param onLinked told of every machine that comes with an owner, once its row says so */
export function createMachineStore(
  { db }: Pick<Store, "db">,
  onLinked: (machineId: string, accountId: string) => void = () => undefined,
): MachineStore {
  return {
    async upsert(row) {
      const remembered = await machineRepository.register(db, row);
      if (row.accountId !== undefined) onLinked(row.machineId, row.accountId);
      return remembered;
    },
    ofAccount: (accountId) => machineRepository.ofAccount(db, accountId, ACCOUNT_MACHINES_MAX),
    countOfAccount: (accountId) => machineRepository.countOfAccount(db, accountId),
    saveHealth: (machines, at) => machineRepository.saveHealth(db, machines, at),
    unlink: (machineId, accountId) => machineRepository.unlink(db, machineId, accountId),
    openSession: (session) => machineSessionRepository.open(db, session),
    seen: (session, counters, at) => machineSessionRepository.seen(db, session, counters, at),
    closeSession: (session, reason, at) => machineSessionRepository.close(db, session, reason, at),
    sessionsOf: (machineId, limit) => machineSessionRepository.ofMachine(db, machineId, limit),
    markUntrusted: (machineId, reason, at) => machineRepository.markUntrusted(db, machineId, reason, at),
  };
}
