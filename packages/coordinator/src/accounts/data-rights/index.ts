export { createDataRights } from "./create-data-rights.js";
export * from "./types.js";
