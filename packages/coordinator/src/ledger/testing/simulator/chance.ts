import { seededRandom } from "@umbel/routing";

/** Choices that depend on a seed alone. */
export interface Chance {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** True so often. */
  happens(probability: number): boolean;
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
}

export function chanceOf(seed: number): Chance {
  // Neighbouring seeds must not begin alike.
  const fraction = seededRandom(Math.imul(seed + 1, 0x9e3779b1) >>> 0);
  const below = (limit: number): number => Math.floor(fraction() * limit);
  return {
    fraction,
    below,
    happens: (probability) => fraction() < probability,
    pick<T>(items: readonly T[]): T {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error("there is nothing to pick from");
      return item;
    },
  };
}
