export { createFleet, type FleetDependencies, type FleetService } from "./create-fleet.js";
export { PROVIDER_PATH, type ProviderEndpoint } from "./endpoint/provider-endpoint.js";
export type {
  DisconnectReason,
  FleetEvent,
  FleetEvents,
  FleetLog,
  FleetRandom,
  FrameIgnored,
  MachineRow,
  MachineStore,
  ProviderAccounts,
} from "./ports.js";
export { ATTEMPT_BUFFER_LIMITS, FLEET_DEFAULTS, type FleetSettings } from "./settings.js";
export * from "./types.js";
