export { createFleet } from "./create-fleet.js";
export { addressGroup } from "./endpoint/address-gate.js";
export { COUNTER_NAMES } from "./lifetime-counters.js";
export type { FleetCatalog } from "./loads/fleet-catalog.js";
export type { WarmPoolSettings } from "./loads/warm-loop.js";
export type { FleetEvent, MachineStore } from "./ports.js";
export { ATTEMPT_BUFFER_LIMITS, type FleetSettings } from "./settings.js";
export * from "./types.js";
