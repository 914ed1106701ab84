import os from "node:os";
import type { SystemMetrics } from "@umbel/protocol";
import { usableCores } from "./facts.js";
import { type ReadText, readMemory, readSystemText } from "./memory.js";

/** How the machine feels right now, for a heartbeat. Temperature is not read: an unknown thermal state counts as `nominal`. */
export async function readMetrics(read: ReadText = readSystemText): Promise<SystemMetrics> {
  const memory = await readMemory(read);
  const [load = 0] = os.loadavg();
  return {
    memory_pressure: share(memory.total_bytes - memory.available_bytes, memory.total_bytes),
    cpu_usage: share(load, await usableCores(read)),
    thermal_state: "nominal",
  };
}

function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}
