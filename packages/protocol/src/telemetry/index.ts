export {
  programVersion,
  TELEMETRY_MESSAGES,
  type TelemetryEvent,
  type TelemetryMessage,
  telemetryEvent,
  telemetryMessage,
} from "./event.js";
export { allowedFields, type TelemetryFields } from "./fields.js";
export { TELEMETRY_LIMITS } from "./limits.js";
export { stackFrames } from "./stack-frames.js";
