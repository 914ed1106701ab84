import type { Store } from "../../../store/index.js";
import { createTestDatabase } from "../../../store/testing.js";
import { prepare } from "./cast.js";
import { judge, type Violation } from "./verdict.js";
import { playWorld, type WorldOutcome } from "./world.js";

/** Worlds that share a database, and one audit. */
export const BATCH_SEEDS = 500;
/** Worlds that are played at the same time; each still does one thing at a time. */
const WORLDS_AT_ONCE = 12;

export interface Range {
  readonly from: number;
  readonly seeds: number;
}

export interface Simulation extends Range {
  /** Statements, commits and writes to disk that a fault could strike. */
  readonly gates: number;
  readonly faults: number;
  readonly kills: number;
  readonly violations: readonly Violation[];
  /** Everything that happened, where a single seed is played. */
  readonly log: readonly string[];
}

/** Plays worlds in one database and judges each; of more than a batch it makes several (`parallel.ts`). */
export async function simulateMoney({ from, seeds }: Range): Promise<Simulation> {
  const batch = Array.from({ length: seeds }, (_, index) => from + index);
  const database = await createTestDatabase();
  try {
    await prepare(database.store, batch);
    const worlds = await playAll(database.store, batch);
    const sum = (figure: "gates" | "faults" | "kills"): number => worlds.reduce((total, world) => total + world[figure], 0);
    return {
      ...{ from, seeds, gates: sum("gates"), faults: sum("faults"), kills: sum("kills") },
      violations: await judge(database.store, worlds),
      log: seeds === 1 ? (worlds[0]?.log ?? []) : [],
    };
  } finally {
    await database.close();
  }
}

async function playAll(store: Store, seeds: readonly number[]): Promise<readonly WorldOutcome[]> {
  const queue = [...seeds];
  const outcomes: WorldOutcome[] = [];
  const lane = async (): Promise<void> => {
    for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) outcomes.push(await playWorld(store, seed));
  };
  await Promise.all(Array.from({ length: WORLDS_AT_ONCE }, lane));
  return outcomes;
}
