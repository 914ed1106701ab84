export { BatchError } from "./batch-error.js";
export { type Batcher, type BatchFigures, createBatcher } from "./batcher.js";
export type { BatchEvent, BatchPhase, BatchRequest } from "./entry.js";
