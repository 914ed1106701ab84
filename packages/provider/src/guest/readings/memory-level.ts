import { type ReadText, readMemory } from "../../machine/memory.js";
import type { MemoryLevel } from "../stance.js";

/**
 * Under so much of the memory left the host begins to suffer. With 16 GiB that is 800 MB: enough for a browser to go on, and more than the
 * kernel keeps for itself.
 */
const CRITICAL_SHARE = 0.05;
const WARNING_SHARE = 0.1;
/** Share of the last ten seconds in which every process waited for memory, in percent (Linux pressure stall information). */
const FULL_STALL_percent = 10;
const SOME_STALL_percent = 20;

/** How short memory is: by what is left of it, in this container or machine, and by how long processes wait for it where the kernel tells. */
export async function readMemoryLevel(read: ReadText): Promise<MemoryLevel> {
  const { total_bytes, available_bytes } = await readMemory(read);
  const left = total_bytes > 0 ? available_bytes / total_bytes : 1;
  const pressure = await read("/proc/pressure/memory");
  if (left < CRITICAL_SHARE || stalled(pressure, "full") >= FULL_STALL_percent) return "critical";
  return left < WARNING_SHARE || stalled(pressure, "some") >= SOME_STALL_percent ? "warning" : "normal";
}

function stalled(pressure: string | undefined, who: "some" | "full"): number {
  return Number(new RegExp(`^${who} avg10=([\\d.]+)`, "m").exec(pressure ?? "")?.[1] ?? 0);
}
