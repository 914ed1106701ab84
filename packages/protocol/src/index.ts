export * from "./bytes.js";
export * from "./clock.js";
export * from "./frames.js";
export * from "./limits.js";
export * from "./manifest.js";
export * from "./messages/index.js";
export { bytesToUuid, UUID_BYTES, uuidToBytes } from "./uuid.js";
