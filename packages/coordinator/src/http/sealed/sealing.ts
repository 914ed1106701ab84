import { ApiError } from "@umbel/dialects";
import {
  type Clock,
  createAnswerSealer,
  type DeviceKeyPair,
  type EncryptionKeyDocument,
  EnvelopeError,
  openTransportRequest,
  readTransportRequest,
  SEALED_CONTENT_TYPE,
  SEALED_LIMITS,
  type SealedRequest,
  type SealedRoute,
  signClaims,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import type { AnswerSink } from "../answer/sink.js";
import { createReplayGuard } from "./replay-guard.js";
import { createSealedSink } from "./sealed-sink.js";
import { createSealingKeys, publishedKey, type SealingKey } from "./sealing-keys.js";

/** How long a client may keep the key document. */
const DOCUMENT_s_max = 300;

export interface SealedExchange {
  readonly body: Uint8Array;
  /** Where the answer goes, so that it goes there sealed. */
  seal(to: AnswerSink): AnswerSink;
}

/** Sealed mode: bodies that only this coordinator can open, wherever TLS ends. Source: api.md §19. */
export interface Sealing {
  /** What is published, and for how long it may be cached. @throws ApiError 503 `encryption_unavailable` */
  document(): Promise<{ readonly document: EncryptionKeyDocument; readonly maxAge_s: number }>;
  /**
   * Opens a request body.
   *
   * @param request.body_bytes_max largest body inside the envelope
   * @throws ApiError 400 `invalid_sealed_envelope`, `kid_mismatch`, `decryption_failed`, `replayed_request`; 413; 429 and 503 when too many
   *   are remembered; 503 `encryption_unavailable`. All of them are told in the clear: there may be nobody to seal them to.
   */
  open(
    request: SealedRoute & { readonly envelope: Uint8Array; readonly accountId: string; readonly body_bytes_max: number },
  ): Promise<SealedExchange>;
}

export interface SealingDependencies {
  readonly clock: Clock;
  /** Signs the keys, so that a consumer who knows it takes no others. */
  readonly identity: DeviceKeyPair;
  /** How long a key is the current one; 0 switches sealed mode off. */
  readonly rotation_ms: number;
}

export function createSealing({ clock, identity, rotation_ms }: SealingDependencies): Sealing {
  const keys = createSealingKeys({ clock, supplier: nativeCrypto, rotation_ms });
  const guard = createReplayGuard(clock);

  async function accepted(): Promise<readonly SealingKey[]> {
    if (rotation_ms > 0) return keys.accepted();
    throw new ApiError({
      status: 503,
      code: "encryption_unavailable",
      message: "this coordinator does not take sealed requests — send plain JSON over TLS instead",
    });
  }

  let signed: { readonly of: readonly SealingKey[]; readonly document: Promise<EncryptionKeyDocument> } | undefined;

  async function sign(accepted: readonly SealingKey[]): Promise<EncryptionKeyDocument> {
    const published = accepted.map((key) => publishedKey(key, nativeCrypto));
    const [current] = published;
    if (current === undefined) throw new Error("there is always a current key");
    const signature = await signClaims(identity, "encryption_keys", { keys: published });
    return { ...current, keys: published, signer: identity.publicJwk, signature };
  }

  return {
    async document() {
      const now = await accepted();
      if (signed?.of !== now) signed = { of: now, document: sign(now) };
      return { document: await signed.document, maxAge_s: Math.min(DOCUMENT_s_max, Math.floor(rotation_ms / 1_000)) };
    },

    async open({ envelope, accountId, body_bytes_max, ...route }) {
      const candidates = await accepted();
      const request = read(envelope);
      const { kid, suite, timestamp, nonce } = request.header;
      const key = candidates.find((candidate) => candidate.kid === kid);
      if (key === undefined) throw unknownKey();
      guard.refuseStale(timestamp);
      const { plaintext, answerSecret } = await opened(request, key, route);
      if (plaintext.length > body_bytes_max) throw tooLarge(body_bytes_max);
      guard.remember(accountId, nonce);
      const sealer = await createAnswerSealer(nativeCrypto, { answerSecret, suite });
      return { body: plaintext, seal: (to) => createSealedSink(to, sealer, kid) };
    },
  };
}

/** Whether a body says that it is sealed; one that does is never read as plain. */
export function isSealed(contentType: string | undefined): boolean {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() === SEALED_CONTENT_TYPE;
}

/** Largest envelope of a body. */
export function envelope_bytes_max(body_bytes_max: number): number {
  return body_bytes_max + SEALED_LIMITS.requestOverhead_bytes_max;
}

function read(envelope: Uint8Array): SealedRequest {
  try {
    return readTransportRequest(envelope);
  } catch (error) {
    throw refusalOf(error);
  }
}

async function opened(request: SealedRequest, { keyPair }: SealingKey, route: SealedRoute) {
  try {
    return await openTransportRequest(nativeCrypto, { ...route, request, keyPair });
  } catch (error) {
    throw refusalOf(error);
  }
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof EnvelopeError)) return error;
  if (error.code === "too_large") return tooLarge(undefined);
  if (error.code === "authentication") {
    const message = "the sealed request does not open: it was changed, or sealed for another key or endpoint";
    return new ApiError({ status: 400, code: "decryption_failed", message, cause: error });
  }
  return new ApiError({ status: 400, code: "invalid_sealed_envelope", message: "the body is not a sealed request", cause: error });
}

function unknownKey(): ApiError {
  const message = "the request is sealed to a key that is not accepted; fetch /v1/encryption-key anew and seal again";
  return new ApiError({ status: 400, code: "kid_mismatch", message });
}

function tooLarge(bytes_max: number | undefined): ApiError {
  const limit = bytes_max === undefined ? "the limit" : `the ${bytes_max}-byte limit`;
  return new ApiError({
    status: 413,
    code: "payload_too_large",
    type: "invalid_request_error",
    message: `the sealed request body exceeds ${limit}`,
  });
}
