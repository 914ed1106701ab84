export { createInference, type InferenceDependencies } from "./create-inference.js";
export { drainingRefusal } from "./in-flight.js";
export type { Answer, Inference, InferenceInput } from "./types.js";
