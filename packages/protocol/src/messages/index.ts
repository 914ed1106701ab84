export * from "./common.js";
export * from "./from-coordinator.js";
export * from "./from-provider.js";
export * from "./location.js";
export * from "./machine.js";
