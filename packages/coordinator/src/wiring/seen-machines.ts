import { isResident, type ProviderView } from "@umbel/routing";
import type { SeenMachine } from "../rewards/index.js";

/** Machines as the rewards see them, from what their last heartbeats said. */
export function seenMachines(views: Iterable<ProviderView>): readonly SeenMachine[] {
  return [...views].map((view) => ({
    machineId: view.machineId,
    accountId: view.accountId,
    online: view.online && !view.draining,
    trusted: view.trusted,
    trustLevel: view.trustLevel,
    computeClass: view.computeClass,
    memory_gb: view.cardMemory_gb !== undefined && view.cardMemory_gb > 0 ? view.cardMemory_gb : view.totalMemory_gb,
    memoryPressure: view.memoryPressure,
    thermal: view.thermal,
    hasModel: [...(view.slots?.values() ?? [])].some(isResident),
  }));
}
