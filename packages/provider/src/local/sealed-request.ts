import { encodeChatRequest } from "@umbel/dialects";
import {
  type ChunkOpener,
  createChunkOpener,
  encodeFrame,
  FrameKind,
  fromBase64,
  type InferenceRequest,
  type RequestId,
  sealRequestBody,
  toBase64,
  wrapContentKey,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { LOCAL_LIMITS } from "./limits.js";
import type { LocalRequest } from "./local-requests.js";

const SUITE = "x25519-sha256-aes256gcm";

/** A request as the worker takes it, and what opens its answer. */
export interface SealedRequest {
  readonly message: InferenceRequest;
  /** The binary frame that follows the message. */
  readonly body: Uint8Array;
  createOpener(responseNonce: Uint8Array): Promise<ChunkOpener>;
}

/**
 * Seals a request to the worker's key, as a coordinator does: the worker has one door, whoever asks.
 *
 * @param encryptionKey of the worker, base64
 * @throws CodecError `too_large`
 */
export async function sealForWorker(id: RequestId, request: LocalRequest, encryptionKey: string): Promise<SealedRequest> {
  const { chat } = request;
  const metadata = { request_id: id, build_id: chat.model, max_output_tokens: request.outputTokens_max };
  const plaintext = encodeChatRequest(chat);
  const { contentKey, ciphertext } = await sealRequestBody(nativeCrypto, { metadata, plaintext, suite: SUITE });
  plaintext.fill(0);
  const binding = { requestId: id, recipientPublicKey: fromBase64(encryptionKey), suite: SUITE } as const;
  const { enc, ct, responseSecret } = await wrapContentKey(nativeCrypto, { ...binding, contentKey });
  return {
    message: {
      type: "inference_request",
      ...metadata,
      attempt: 0,
      prompt_tokens_estimate: request.promptTokens,
      // Nobody else could take the request over, so it has all the time that a model needs to load.
      deadline_ms: LOCAL_LIMITS.deadline_ms,
      suite: SUITE,
      wrap: { enc: toBase64(enc), ct: toBase64(ct) },
      body_bytes: ciphertext.length,
      cache_scope: request.cacheScope,
    },
    body: encodeFrame({ kind: FrameKind.requestBody, requestId: id, sequence: 0, payload: ciphertext }),
    createOpener: (responseNonce) => createChunkOpener(nativeCrypto, { ...binding, responseSecret, responseNonce }),
  };
}
