export { notInCatalog } from "./admit/not-in-catalog.js";
export { createInference } from "./create-inference.js";
export { drainingRefusal, type Visit } from "./in-flight.js";
export { InferenceRefusal } from "./inference-refusal.js";
export { createBucketTable, createRateLimits, unlimitedRates } from "./limits/index.js";
export type { Answer, Inference, InferenceInput, RateLimits } from "./types.js";
