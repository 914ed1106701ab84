export { createFleet, type FleetService } from "./create-fleet.js";
export type { FleetEvent, MachineRow, MachineStore } from "./ports.js";
export { ATTEMPT_BUFFER_LIMITS } from "./settings.js";
export * from "./types.js";
