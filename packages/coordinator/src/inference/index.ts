export { createInference } from "./create-inference.js";
export { drainingRefusal } from "./in-flight.js";
export type { Answer, Inference } from "./types.js";
