export { createAdministration } from "./create-administration.js";
export * from "./types.js";
