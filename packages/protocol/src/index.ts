/**
 * The contract between the parties: messages, frames, sealed envelope, device signatures, manifests. Runs in browsers; what only Node has is
 * behind `@umbel/protocol/native`, what only tests need behind `@umbel/protocol/testing`.
 */
export * from "./bytes.js";
export * from "./canonical-json.js";
export * from "./catalog/index.js";
export * from "./clock.js";
export * from "./crypto/index.js";
export * from "./decode.js";
export * from "./digest-chain.js";
export * from "./envelope/index.js";
export {
  decodeFrame,
  encodeFrame,
  FRAME_HEADER_BYTES,
  type Frame,
  FrameError,
  type FrameHeader,
  FrameKind,
  writeFrameHeader,
} from "./frames.js";
export * from "./hash.js";
export * from "./limits.js";
export * from "./manifest/index.js";
export * from "./messages/index.js";
export { formatUsd, parseUsd } from "./money.js";
export { redactFields, redactText } from "./redact.js";
export * from "./sealed-transport/index.js";
export * from "./signatures/index.js";
export * from "./telemetry/index.js";
export { bytesToUuid, uuidToBytes } from "./uuid.js";
