import type { SlotView } from "../types.js";

/** Whether the build is in memory and can start at once. */
export function isResident(slot: SlotView | undefined): boolean {
  return slot !== undefined && (slot.state === "running" || slot.state === "idle");
}
