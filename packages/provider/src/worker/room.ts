/** What models may take on this machine. */
export interface RoomLimits {
  /** In memory at once. */
  readonly models_max: number;
  /** By the operator's word; undefined is as much as the machine has. */
  readonly memory_bytes_max: number | undefined;
  /** What the system could still give, in bytes; undefined where models take none, as those of the scripted engine. */
  readonly available_bytes: () => number | undefined;
}

/** Models in memory: all of them, and those on which nothing runs. */
export interface Residents {
  readonly count: number;
  readonly idleCount: number;
  readonly size_bytes: number;
  readonly idle_bytes: number;
}

/** A model takes so much for each byte of its files: weights, cache and buffers (provider.md §9). */
const MEMORY_PER_SIZE = 1.2;
/** Left to the rest of the system. */
export const SYSTEM_RESERVE_BYTES = 512 * 2 ** 20;

/** What stands in the way of one more model; undefined is nothing. */
export function lacks(size_bytes: number, residents: Residents, limits: RoomLimits): "slot" | "memory" | undefined {
  if (residents.count >= limits.models_max) return "slot";
  return size_bytes * MEMORY_PER_SIZE > (free_bytes(residents, limits) ?? Number.POSITIVE_INFINITY) ? "memory" : undefined;
}

/** What one more model may take if nothing is put away; undefined is unknown. */
function free_bytes({ size_bytes }: Residents, { memory_bytes_max, available_bytes }: RoomLimits): number | undefined {
  const available = available_bytes();
  const bounds = [
    ...(memory_bytes_max === undefined ? [] : [memory_bytes_max - size_bytes * MEMORY_PER_SIZE]),
    ...(available === undefined ? [] : [available - SYSTEM_RESERVE_BYTES]),
  ];
  return bounds.length === 0 ? undefined : Math.max(0, Math.min(...bounds));
}

/** Residents once every idle model is put away: what a load can count on at most. */
export function withoutIdle({ count, idleCount, size_bytes, idle_bytes }: Residents): Residents {
  return { count: count - idleCount, idleCount: 0, size_bytes: size_bytes - idle_bytes, idle_bytes: 0 };
}

/** The same limits, seen from when every idle model is put away. */
export function afterPuttingAway({ idle_bytes }: Residents, limits: RoomLimits): RoomLimits {
  return {
    ...limits,
    available_bytes: () => {
      const available = limits.available_bytes();
      return available === undefined ? undefined : available + idle_bytes * MEMORY_PER_SIZE;
    },
  };
}

/** What a load may take in memory, idle models put away first; undefined is unknown, 0 is no place at all. */
export function freeForLoad_bytes(residents: Residents, limits: RoomLimits): number | undefined {
  const rest = withoutIdle(residents);
  if (rest.count >= limits.models_max) return 0;
  return free_bytes(rest, afterPuttingAway(residents, limits));
}
