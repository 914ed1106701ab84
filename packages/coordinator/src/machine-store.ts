import type { MachineStore } from "./fleet/index.js";
import { machineRepository, type Store } from "./store/index.js";

/** Machines listed of one account: those seen last. */
const ACCOUNT_MACHINES_MAX = 1_000;

/** Rows of machines in the database. */
export function createMachineStore({ db }: Pick<Store, "db">): MachineStore {
  return {
    upsert: (row) => machineRepository.register(db, row),
    ofAccount: (accountId) => machineRepository.ofAccount(db, accountId, ACCOUNT_MACHINES_MAX),
    countOfAccount: (accountId) => machineRepository.countOfAccount(db, accountId),
    saveHealth: (machines, at) => machineRepository.saveHealth(db, machines, at),
    unlink: (machineId, accountId) => machineRepository.unlink(db, machineId, accountId),
    touch: (machineId, at) => machineRepository.touch(db, machineId, at),
    markUntrusted: (machineId, reason, at) => machineRepository.markUntrusted(db, machineId, reason, at),
  };
}
