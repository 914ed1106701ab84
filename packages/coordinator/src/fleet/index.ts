export { createFleet } from "./create-fleet.js";
export type { FleetEvent, MachineStore } from "./ports.js";
export { ATTEMPT_BUFFER_LIMITS } from "./settings.js";
export * from "./types.js";
