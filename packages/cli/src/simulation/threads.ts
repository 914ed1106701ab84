import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { PolicyName, PolicyRun, Scenario, TraceRow } from "@umbel/routing/simulator";

export interface SimulationJob {
  readonly scenario: Scenario;
  readonly policy: PolicyName;
  readonly trace: readonly TraceRow[] | undefined;
}

export type SimulationNews = { readonly type: "progress"; readonly now_ms: number } | { readonly type: "done"; readonly run: PolicyRun };

/** For what is new, of which hardly anything stays: with less, the collector runs more often, and finds more that would have gone by itself. */
const YOUNG_GENERATION_MB = 192;
const entry = new URL("../../bundle/simulation.js", import.meta.url);

/**
 * Runs simulations, each in a thread of its own, as many beside each other as there are processors. What they come to does not depend on it.
 *
 * @param onProgress called now and then with the virtual time that has passed in all of them together
 * @returns the runs, in the order of the jobs
 */
export async function simulateInThreads(
  jobs: readonly SimulationJob[],
  onProgress: (passed_ms: number) => void,
): Promise<readonly PolicyRun[]> {
  const passed_ms = jobs.map(() => 0);
  const runs: PolicyRun[] = [];
  const left = [...jobs.entries()];
  const takeTurns = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, job] = next;
      runs[index] = await inThread(job, (now_ms) => {
        // A run goes on for a while after its last request.
        passed_ms[index] = Math.min(now_ms, job.scenario.duration_s * 1000);
        onProgress(passed_ms.reduce((sum, ms) => sum + ms, 0));
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs.length, availableParallelism()) }, takeTurns));
  return runs;
}

function inThread(job: SimulationJob, onProgress: (now_ms: number) => void): Promise<PolicyRun> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry, { workerData: job, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } });
    worker.on("message", (news: SimulationNews) => {
      if (news.type === "done") resolve(news.run);
      else onProgress(news.now_ms);
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the simulation's thread ended with code ${code} before it had a result`)));
  });
}
