export * from "./catalog.js";
export * from "./decisions.js";
export * from "./identity.js";
export * from "./insight.js";
export * from "./money.js";
export * from "./outbox.js";
export * from "./releases.js";
export * from "./system.js";
