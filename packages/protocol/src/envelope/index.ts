export { type ChunkOptions, RESPONSE_NONCE_BYTES } from "./chunk-key.js";
export type { ChunkPadding } from "./chunk-layout.js";
export { type ChunkOpener, createChunkOpener, type OpenedChunk } from "./chunk-opener.js";
export { type ChunkPlace, type ChunkSealer, createChunkSealer } from "./chunk-sealer.js";
export { openWrap, RESPONSE_SECRET_BYTES, wrapContentKey } from "./content-key-wrap.js";
export { EnvelopeError, type EnvelopeErrorCode } from "./errors.js";
export { CONTENT_KEY_BYTES, openRequestBody, type RequestMetadata, sealRequestBody } from "./request-body.js";
export { supportedSuites } from "./suite.js";
