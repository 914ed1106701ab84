/** What serves models inside a worker, without the worker around it: for the benchmarks of this repository. */
export { serveModels } from "./serve-models.js";
export { memoryGrowth, type SoakCycle, soak } from "./soak.js";
