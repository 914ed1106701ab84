export { EndpointError } from "./endpoint-error.js";
export { endpointOptions, isLoopback } from "./endpoint-options.js";
export { LOCAL_LIMITS } from "./limits.js";
export { LocalEndpoint } from "./local-endpoint.js";
export { type DiscoveryRecord, readDiscoveryRecord, writeDiscoveryRecord } from "./local-files.js";
export type { LocalRequests } from "./local-requests.js";
