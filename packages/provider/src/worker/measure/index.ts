/** What serves models inside a worker, without the worker around it: for the benchmarks of this repository. */
export { WORKER_ALLOCATION } from "../../evidence/worker-allocation.js";
export { serveModels } from "./serve-models.js";
export { memoryGrowth, type SoakCycle, soak } from "./soak.js";
