import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { BATCH_SEEDS, type Range, type Simulation, simulateMoney } from "./simulate.js";

/** Plays seeds in several processes, which share a database server. The same seeds give the same figures, however many play. */
export async function simulateInParallel(
  { from, seeds, only, jobs }: Range & { readonly jobs: number },
  onBatch: (played: number) => void,
): Promise<Simulation> {
  const batches: Range[] = [];
  for (let first = from; first < from + seeds; first += BATCH_SEEDS)
    batches.push({ from: first, seeds: Math.min(BATCH_SEEDS, from + seeds - first), only });
  const results: Simulation[] = [];
  let played = 0;
  const add = (result: Simulation): void => {
    results.push(result);
    played += result.seeds;
    onBatch(played);
  };
  if (jobs === 1 || batches.length === 1) {
    for (const batch of batches) add(await simulateMoney(batch));
  } else await Promise.all(Array.from({ length: Math.min(jobs, batches.length) }, () => work(batches, add)));
  results.sort((a, b) => a.from - b.from);
  const sum = (figure: "movements" | "gates" | "faults" | "kills"): number => results.reduce((total, result) => total + result[figure], 0);
  return {
    ...{ from, seeds, movements: sum("movements"), gates: sum("gates"), faults: sum("faults"), kills: sum("kills") },
    violations: results.flatMap(({ violations }) => violations),
    log: seeds === 1 ? results.flatMap(({ log }) => log) : [],
  };
}

/** Nearly everything that a world makes is gone with it: half of the collector's work is spared when it waits longer. */
const YOUNG_SPACE = "--max-semi-space-size=64";

/** Another process, which takes batches until there are none. */
async function work(batches: Range[], add: (result: Simulation) => void): Promise<void> {
  const player = fork(new URL("./player.js", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [YOUNG_SPACE] });
  try {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) add(await played(player, batch));
  } finally {
    player.disconnect();
  }
}

async function played(player: ChildProcess, batch: Range): Promise<Simulation> {
  const over = new AbortController();
  const { signal } = over;
  try {
    const died = once(player, "exit", { signal }).then(([code, killedBy]) => {
      throw new Error(`a player ended with ${killedBy ?? code}; it had the seeds from ${batch.from} on`);
    });
    player.send(batch);
    const [result] = await Promise.race([once(player, "message", { signal }), died]);
    return result;
  } finally {
    over.abort();
  }
}
