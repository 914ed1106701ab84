export { BatchError } from "./batch-error.js";
export { createBatcher } from "./batcher.js";
export type { BatchEvent } from "./entry.js";
export { laneOf } from "./lane.js";
