import { readFile } from "node:fs/promises";
import os from "node:os";

/** Memory this process may use and what is left of it, in bytes; a container's limit counts before the machine's. */
export interface Memory {
  readonly total_bytes: number;
  readonly available_bytes: number;
}

/** Reads a text file; undefined when there is none, which is how the kernel says that a limit or a fact does not exist. */
export type ReadText = (path: string) => Promise<string | undefined>;

export const readSystemText: ReadText = async (path) => {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
};

/** A cgroup without a limit reports a number near 2^63. */
const unlimited_bytes_min = 2 ** 60;

export async function readMemory(read: ReadText = readSystemText): Promise<Memory> {
  const machine = await machineMemory(read);
  const limit = await cgroupMemory(read);
  if (limit === undefined || limit.total_bytes >= machine.total_bytes) return machine;
  return { total_bytes: limit.total_bytes, available_bytes: Math.min(limit.available_bytes, machine.available_bytes) };
}

async function machineMemory(read: ReadText): Promise<Memory> {
  const meminfo = await read("/proc/meminfo");
  const total = kibibytes(meminfo, "MemTotal");
  const available = kibibytes(meminfo, "MemAvailable");
  if (total !== undefined && available !== undefined) return { total_bytes: total * 1024, available_bytes: available * 1024 };
  return { total_bytes: os.totalmem(), available_bytes: os.freemem() };
}

function kibibytes(meminfo: string | undefined, key: string): number | undefined {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(meminfo ?? "");
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/** The tightest limit of this process's control group and those above it: version 2, else version 1. */
async function cgroupMemory(read: ReadText): Promise<Memory | undefined> {
  const membership = (await read("/proc/self/cgroup")) ?? "";
  const unified = /^0::(\/.*)$/m.exec(membership)?.[1];
  const legacy = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(membership)?.[1];
  const found: Memory[] = [];
  for (const folder of unified === undefined ? [] : withParents(unified)) {
    const root = `/sys/fs/cgroup${folder}`;
    const memory = limitAndUse(await read(`${root}/memory.max`), await read(`${root}/memory.current`));
    if (memory !== undefined) found.push(memory);
  }
  for (const folder of legacy === undefined ? [] : withParents(legacy)) {
    const root = `/sys/fs/cgroup/memory${folder}`;
    const memory = limitAndUse(await read(`${root}/memory.limit_in_bytes`), await read(`${root}/memory.usage_in_bytes`));
    if (memory !== undefined) found.push(memory);
  }
  return found.sort((a, b) => a.total_bytes - b.total_bytes)[0];
}

/** `/a/b` → `/a/b`, `/a`, and the root as the empty string. */
function withParents(folder: string): string[] {
  const parts = folder.split("/").filter((part) => part !== "");
  return parts.map((_, i) => `/${parts.slice(0, parts.length - i).join("/")}`).concat("");
}

function limitAndUse(limit: string | undefined, use: string | undefined): Memory | undefined {
  const total_bytes = Number.parseInt(limit ?? "", 10);
  if (!Number.isFinite(total_bytes) || total_bytes <= 0 || total_bytes >= unlimited_bytes_min) return undefined;
  const used_bytes = Number.parseInt(use ?? "", 10);
  return { total_bytes, available_bytes: Number.isFinite(used_bytes) ? Math.max(0, total_bytes - used_bytes) : total_bytes };
}
