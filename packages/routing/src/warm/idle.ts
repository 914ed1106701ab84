import type { ProviderView } from "../types.js";

/** Whether nothing runs or waits on the machine, by its own word and by the coordinator's ledger. */
export function isIdle(view: ProviderView): boolean {
  if (view.pendingTotal > 0) return false;
  for (const slot of view.slots?.values() ?? []) if (slot.running > 0 || slot.waiting > 0) return false;
  return true;
}
