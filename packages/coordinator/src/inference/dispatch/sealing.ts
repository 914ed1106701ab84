import {
  type ChunkOpener,
  createChunkOpener,
  type InferenceRequest,
  type ReasoningParser,
  type RequestId,
  sealRequestBody,
  toBase64,
  wrapContentKey,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import type { ServingProvider } from "../../fleet/index.js";

const SUITE = "x25519-sha256-aes256gcm";

/** What one attempt sends in clear beside the sealed body. */
export interface AttemptTerms {
  readonly attempt: number;
  readonly prompt_tokens_estimate: number;
  /** Time left for the first content. */
  readonly deadline_ms: number;
  readonly cache_scope: string;
  readonly reasoning_parser?: ReasoningParser;
}

/** A request body sealed under a fresh key, to be wrapped to each provider that is tried. */
export interface SealedRequest {
  readonly ciphertext: Uint8Array;
  /** The control message for one provider, and what opens its chunks. */
  wrapFor(
    provider: ServingProvider,
    terms: AttemptTerms,
  ): Promise<{
    readonly message: InferenceRequest;
    readonly createOpener: (responseNonce: Uint8Array) => Promise<ChunkOpener>;
  }>;
}

/** Seals a body once; an attempt on another machine needs a new wrap, not a new body. */
export async function sealRequest(request: {
  readonly requestId: RequestId;
  readonly build: string;
  readonly maxOutputTokens: number;
  readonly body: Uint8Array;
}): Promise<SealedRequest> {
  const metadata = { request_id: request.requestId, build_id: request.build, max_output_tokens: request.maxOutputTokens };
  const { contentKey, ciphertext } = await sealRequestBody(nativeCrypto, { metadata, plaintext: request.body, suite: SUITE });
  return {
    ciphertext,
    async wrapFor(provider, terms) {
      const binding = { requestId: request.requestId, recipientPublicKey: provider.encryptionKey, suite: SUITE } as const;
      const { enc, ct, responseSecret } = await wrapContentKey(nativeCrypto, { ...binding, contentKey });
      return {
        message: {
          type: "inference_request",
          ...metadata,
          ...terms,
          suite: SUITE,
          wrap: { enc: toBase64(enc), ct: toBase64(ct) },
          body_bytes: ciphertext.length,
        },
        createOpener: (responseNonce) => createChunkOpener(nativeCrypto, { ...binding, responseSecret, responseNonce }),
      };
    },
  };
}
