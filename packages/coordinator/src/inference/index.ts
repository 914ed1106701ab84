export { createInference } from "./create-inference.js";
export { drainingRefusal } from "./in-flight.js";
export type { Answer, Inference, InferenceInput } from "./types.js";
