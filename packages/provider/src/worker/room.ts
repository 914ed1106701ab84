import type { DeviceMemory, LoadShape, Memory, MemoryNeed } from "../engine/memory.js";
import { memoryOf, noMemory, sum, total_bytes } from "../engine/memory.js";

/** What models may take on this machine. */
export interface RoomLimits {
  /** In memory at once. */
  readonly models_max: number;
  /** By the operator's word; undefined is as much as the machine has. */
  readonly memory_bytes_max: number | undefined;
  /** What is left free of the machine in any case, by the operator's word; absent is what is left to the system. */
  readonly reserve_bytes?: number | undefined;
  /** The machine as it is now; undefined where models take no memory, as those of the scripted engine. */
  readonly machine: () => MachineMemory | undefined;
}

export interface MachineMemory {
  readonly total_bytes: number;
  /** What the system could still give. */
  readonly available_bytes: number;
}

/** What is held against a load: the limits, and the graphics card if there is one. */
export interface Room extends RoomLimits {
  readonly device: DeviceMemory | undefined;
}

/** Models in memory: all of them, and those on which nothing runs. */
export interface Residents {
  readonly count: number;
  readonly idleCount: number;
  readonly memory: Memory;
  readonly idleMemory: Memory;
}

/** Free memory left to the rest of the system. */
export const SYSTEM_RESERVE_BYTES = 512 * 2 ** 20;
/** Memory of a graphics card left to the desktop (provider.md §9.6). */
export const DEVICE_RESERVE_BYTES = 512 * 2 ** 20;
/** However much is free, models together take no more of a machine than the smaller of these (provider.md §9.1)… */
const TOTAL_SHARE_MAX = 0.9;
const TOTAL_REST_BYTES = 2 * 2 ** 30;
/** …and may take this much of a small one. */
const TOTAL_SHARE_MIN = 0.5;
/** A model whose need cannot be told takes so much for each byte of its files (provider.md §9.1). */
const MEMORY_PER_SIZE = 1.2;
/** A shorter context is of little use, so it is not offered to make a model fit. */
const CONTEXT_TOKENS_MIN = 2048;

/** The rule of thumb for a model whose file does not tell. */
export function needBySize(size_bytes: number): MemoryNeed {
  return { fixed: { ram_bytes: size_bytes * MEMORY_PER_SIZE, vram_bytes: 0 }, perSequence: noMemory, perToken: noMemory };
}

/** What models together may take of a machine, however much of it is free. */
export function hardCap_bytes(total: number): number {
  return Math.max(Math.min(total * TOTAL_SHARE_MAX, total - TOTAL_REST_BYTES), total * TOTAL_SHARE_MIN);
}

/** What stands in the way of one more model; undefined is nothing. */
export function lacks(need: Memory, residents: Residents, room: Room): "slot" | "memory" | undefined {
  if (residents.count >= room.models_max) return "slot";
  return fits(need, residents, room) ? undefined : "memory";
}

/**
 * The largest shape that fits: as wanted, else with fewer sequences, else with one of a shorter context.
 */
export function fittingShape(need: MemoryNeed, wanted: LoadShape, residents: Residents, room: Room): LoadShape | undefined {
  if (residents.count >= room.models_max) return undefined;
  return shapes(wanted).find((shape) => fits(memoryOf(need, shape), residents, room));
}

function shapes({ sequences, contextLength_tokens }: LoadShape): LoadShape[] {
  const fewer = Array.from({ length: sequences }, (_, i) => ({ sequences: sequences - i, contextLength_tokens }));
  const shorter: LoadShape[] = [];
  for (let tokens = Math.floor(contextLength_tokens / 2); tokens >= CONTEXT_TOKENS_MIN; tokens = Math.floor(tokens / 2)) {
    shorter.push({ sequences: 1, contextLength_tokens: tokens });
  }
  return [...fewer, ...shorter];
}

function fits(need: Memory, residents: Residents, room: Room): boolean {
  const free = free_bytes(residents, room);
  const { device } = room;
  if (device !== undefined && need.vram_bytes > device.free_bytes - DEVICE_RESERVE_BYTES) return false;
  if (free === undefined) return true;
  // The operator's word is about both kinds of memory, the machine's about its own.
  if (total_bytes(need) > (granted_bytes(residents, room) ?? Number.POSITIVE_INFINITY)) return false;
  return (device?.isUnified === false ? need.ram_bytes : total_bytes(need)) <= free;
}

/** What one more model may take of the machine's memory if nothing is put away; undefined is unknown. */
function free_bytes(residents: Residents, room: Room): number | undefined {
  const machine = room.machine();
  const { reserve_bytes = 0 } = room;
  const granted = granted_bytes(residents, room);
  const held = room.device?.isUnified === false ? residents.memory.ram_bytes : total_bytes(residents.memory);
  const bounds = [
    ...(granted === undefined ? [] : [granted]),
    ...(machine === undefined
      ? []
      : [
          machine.available_bytes - Math.max(SYSTEM_RESERVE_BYTES, reserve_bytes),
          Math.min(hardCap_bytes(machine.total_bytes), machine.total_bytes - reserve_bytes) - held,
        ]),
  ];
  return bounds.length === 0 ? undefined : Math.max(0, Math.min(...bounds));
}

function granted_bytes({ memory }: Residents, { memory_bytes_max }: Room): number | undefined {
  return memory_bytes_max === undefined ? undefined : memory_bytes_max - total_bytes(memory);
}

/** Residents once every idle model is put away: what a load can count on at most. */
export function withoutIdle({ count, idleCount, memory, idleMemory }: Residents): Residents {
  return {
    count: count - idleCount,
    idleCount: 0,
    memory: { ram_bytes: memory.ram_bytes - idleMemory.ram_bytes, vram_bytes: memory.vram_bytes - idleMemory.vram_bytes },
    idleMemory: noMemory,
  };
}

/** The same room, seen from when every idle model is put away. */
export function afterPuttingAway({ idleMemory }: Residents, room: Room): Room {
  const { device } = room;
  const returned = device?.isUnified === false ? idleMemory.ram_bytes : total_bytes(idleMemory);
  return {
    ...room,
    machine: () => {
      const machine = room.machine();
      return machine === undefined ? undefined : { ...machine, available_bytes: machine.available_bytes + returned };
    },
    device: device === undefined ? undefined : { ...device, free_bytes: device.free_bytes + idleMemory.vram_bytes },
  };
}

/** What a load may take of the machine's memory, idle models put away first; undefined is unknown, 0 is no place at all. */
export function freeForLoad_bytes(residents: Residents, room: Room): number | undefined {
  const rest = withoutIdle(residents);
  if (rest.count >= room.models_max) return 0;
  const after = afterPuttingAway(residents, room);
  const free = free_bytes(rest, after);
  if (free === undefined || after.device === undefined || after.device.isUnified) return free;
  return free + Math.max(0, after.device.free_bytes - DEVICE_RESERVE_BYTES);
}

/**
 * What a loaded model is reckoned with: what the engine says it has allocated, and no less than the process has grown by. Other models'
 * requests make it grow too, so growth counts up to half as much again.
 */
export function measuredMemory(allocated: Memory, growth_bytes: number): Memory {
  const ram_bytes = Math.max(allocated.ram_bytes, Math.min(growth_bytes, allocated.ram_bytes * 1.5));
  return sum({ ram_bytes, vram_bytes: allocated.vram_bytes });
}
