export type { AnswerOptions } from "./answer-key.js";
export { type AnswerOpener, createAnswerOpener } from "./answer-opener.js";
export { type AnswerSealer, createAnswerSealer } from "./answer-sealer.js";
export { openTransportRequest, readTransportRequest, type SealedRequest, type SealedRoute, sealTransportRequest } from "./request.js";
export {
  type EncryptionKey,
  type EncryptionKeyClaims,
  type EncryptionKeyDocument,
  encryptionKeyClaims,
  encryptionKeyDocument,
  encryptionKeyId,
  SEALED_CONTENT_TYPE,
  SEALED_LIMITS,
  type SealedRequestHeader,
} from "./wire.js";
