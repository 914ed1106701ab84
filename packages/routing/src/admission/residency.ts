import type { SlotView } from "../types.js";

/** Whether the build is in memory and can start at once. */
export function isResident(slot: SlotView | undefined): boolean {
  return slot !== undefined && (slot.state === "running" || slot.state === "idle");
}

const BYTES_PER_GIB = 2 ** 30;

/** Memory figures of machines are GiB (2^30 bytes), whatever the suffix of their wire name says. */
export function gib(bytes: number): number {
  return bytes / BYTES_PER_GIB;
}
