export { createInference, type InferenceDependencies } from "./create-inference.js";
export type { Answer, Inference, InferenceInput } from "./types.js";
