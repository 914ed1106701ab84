import { createTestDatabase } from "../../../store/testing.js";
import { fund, prepare, prepareMovements } from "./cast.js";
import type { WorldKind } from "./plan.js";
import { judge, type Violation } from "./verdict.js";
import { playWorld, type WorldOutcome } from "./world.js";

/** Worlds that one process plays before it reports. Fewer would spend their time on making databases: in 625 at once 5,000 take a fifth longer. */
export const BATCH_SEEDS = 2_500;
/** Of so many worlds one is of money that comes, goes and is given; the others are of requests. */
const MOVEMENTS_EVERY = 50;
/** Worlds of requests are played at the same time in one database, where each sees its own; each still does one thing at a time. */
const REQUESTS_AT_ONCE = 10;

export interface Range {
  readonly from: number;
  readonly seeds: number;
  /** Of these seeds only the worlds of one kind are played. Default: all. */
  readonly only?: WorldKind | undefined;
}

export interface Simulation extends Omit<Range, "only"> {
  /** Worlds of money that comes, goes and is given. */
  readonly movements: number;
  /** Statements, commits and writes to disk that a fault could strike. */
  readonly gates: number;
  readonly faults: number;
  readonly kills: number;
  readonly violations: readonly Violation[];
  /** Everything that happened, where a single seed is played. */
  readonly log: readonly string[];
}

/** Plays worlds and judges each; of more than a batch it makes several (`parallel.ts`). */
export async function simulateMoney({ from, seeds, only }: Range): Promise<Simulation> {
  const batch = Array.from({ length: seeds }, (_, index) => from + index);
  const seedsOf = (kind: WorldKind): readonly number[] => batch.filter((seed) => kindOf(seed) === kind && (only ?? kind) === kind);
  const movements = seedsOf("movements");
  const all = await Promise.all([playAll(movements, "movements", 1), playAll(seedsOf("requests"), "requests", REQUESTS_AT_ONCE)]);
  const worlds = all.flatMap((played) => played.worlds);
  const sum = (figure: "gates" | "faults" | "kills"): number => worlds.reduce((total, world) => total + world[figure], 0);
  return {
    ...{ from, seeds, movements: movements.length, gates: sum("gates"), faults: sum("faults"), kills: sum("kills") },
    violations: all.flatMap((played) => played.violations),
    log: seeds === 1 ? (worlds[0]?.log ?? []) : [],
  };
}

function kindOf(seed: number): WorldKind {
  return seed % MOVEMENTS_EVERY === 0 ? "movements" : "requests";
}

interface Played {
  readonly worlds: readonly WorldOutcome[];
  readonly violations: readonly Violation[];
}

/** Plays worlds in a database of their own, so many at once, and judges them; those of movements one after the other. */
async function playAll(seeds: readonly number[], kind: WorldKind, atOnce: number): Promise<Played> {
  if (seeds.length === 0) return { worlds: [], violations: [] };
  const database = await createTestDatabase();
  try {
    const { store } = database;
    await prepare(store, seeds);
    await (kind === "movements" ? prepareMovements(store, seeds) : fund(store, seeds));
    const queue = [...seeds];
    const worlds: WorldOutcome[] = [];
    const lane = async (): Promise<void> => {
      for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) worlds.push(await playWorld(store, seed, kind));
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return { worlds, violations: await judge(store, worlds) };
  } finally {
    await database.close();
  }
}
