import { parentPort, workerData } from "node:worker_threads";
import { simulate } from "@umbel/routing/simulator";
import type { SimulationJob, SimulationNews } from "./threads.js";

/** One run, in a thread of its own: what `simulateInThreads` starts. */
const { scenario, policy, trace } = workerData as SimulationJob;
const tell = (news: SimulationNews): void => parentPort?.postMessage(news);
const run = simulate(scenario, {
  policy,
  onProgress: (now_ms) => tell({ type: "progress", now_ms }),
  ...(trace === undefined ? {} : { trace }),
});
tell({ type: "done", run });
