export { createAdministration } from "./create-administration.js";
export { once } from "./once.js";
export * from "./types.js";
