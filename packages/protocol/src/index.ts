export * from "./limits.js";
export * from "./manifest.js";
export * from "./messages/index.js";
