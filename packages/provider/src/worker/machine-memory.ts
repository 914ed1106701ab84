import { totalmem } from "node:os";
import type { MachineMemory } from "./room.js";

/** Memory of this machine as it is now; a container's limit counts before the machine's. */
export function machineMemory(): MachineMemory {
  const limit_bytes = process.constrainedMemory();
  // Without a limit this is 0, or a number beyond every machine.
  const total_bytes = limit_bytes > 0 ? Math.min(limit_bytes, totalmem()) : totalmem();
  return { total_bytes, available_bytes: process.availableMemory() };
}
