import type { MachineStore } from "./fleet/index.js";
import { machineRepository, type Store } from "./store/index.js";

/** Rows of machines in the database; that a machine is untrusted is remembered until the coordinator restarts. */
export function createMachineStore(store: Pick<Store, "db">): MachineStore {
  const untrusted = new Map<string, string>();
  return {
    async upsert(row) {
      await machineRepository.register(store.db, row);
      return { untrustedReason: untrusted.get(row.machineId) };
    },
    touch: (machineId, at) => machineRepository.touch(store.db, machineId, at),
    async markUntrusted(machineId, reason) {
      if (!untrusted.has(machineId)) untrusted.set(machineId, reason);
    },
  };
}
