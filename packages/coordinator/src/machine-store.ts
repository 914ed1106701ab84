import type { MachineStore } from "./fleet/index.js";
import { machineRepository, type Store } from "./store/index.js";

/** Rows of machines in the database. */
export function createMachineStore({ db }: Pick<Store, "db">): MachineStore {
  return {
    upsert: (row) => machineRepository.register(db, row),
    countOfAccount: (accountId) => machineRepository.countOfAccount(db, accountId),
    touch: (machineId, at) => machineRepository.touch(db, machineId, at),
    markUntrusted: (machineId, reason, at) => machineRepository.markUntrusted(db, machineId, reason, at),
  };
}
