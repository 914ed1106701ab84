import type { Store } from "../../../store/index.js";
import { createTestDatabase } from "../../../store/testing.js";
import { prepare } from "./cast.js";
import { judge, type Violation } from "./verdict.js";
import { playWorld, type WorldOutcome } from "./world.js";

/** Worlds that share a database, and one audit. */
const BATCH_SEEDS = 1_000;
/** Worlds that are played at the same time; each still does one thing at a time. */
const WORLDS_AT_ONCE = 12;

export interface Simulation {
  readonly from: number;
  readonly seeds: number;
  /** Statements, commits and writes to disk that a fault could strike. */
  readonly gates: number;
  readonly faults: number;
  readonly kills: number;
  readonly violations: readonly Violation[];
  /** Everything that happened, where a single seed is played. */
  readonly log: readonly string[];
}

/** Plays seeds and judges each. @param onBatch told after each batch how many have been played */
export async function simulateMoney(
  { from, seeds }: { readonly from: number; readonly seeds: number },
  onBatch: (played: number) => void = () => undefined,
): Promise<Simulation> {
  const total = { gates: 0, faults: 0, kills: 0 };
  const violations: Violation[] = [];
  let log: readonly string[] = [];
  for (let first = from; first < from + seeds; first += BATCH_SEEDS) {
    const batch = Array.from({ length: Math.min(BATCH_SEEDS, from + seeds - first) }, (_, index) => first + index);
    const database = await createTestDatabase();
    try {
      await prepare(database.store, batch);
      const worlds = await playAll(database.store, batch);
      violations.push(...(await judge(database.store, worlds)));
      for (const world of worlds) {
        total.gates += world.gates;
        total.faults += world.faults;
        total.kills += world.kills;
      }
      if (seeds === 1) log = worlds[0]?.log ?? [];
    } finally {
      await database.close();
    }
    onBatch(first + batch.length - from);
  }
  return { from, seeds, ...total, violations, log };
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
