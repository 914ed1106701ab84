import {
  type Challenge,
  type ChunkSealer,
  type Clock,
  createChunkSealer,
  type DeviceKey,
  fromBase64,
  generateKeyPair,
  type InferenceRequest,
  keyThumbprint,
  openRequestBody,
  openWrap,
  type RegistrationClaims,
  signClaims,
  toBase64,
  toHex,
  type UsageReceipt,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { loadOrCreateDeviceKey } from "./device-key-file.js";

/** A challenge further from this machine's clock than this is not signed (trust.md §6.3). */
const challengeAge_ms_max = 5 * 60_000;
const challengeNonce_bytes = 32;

/** What a request holds once it is opened. The caller wipes `plaintext` when it has read it. */
export interface OpenedRequest {
  readonly plaintext: Uint8Array;
  /** Seals the answer of this attempt. */
  readonly sealer: ChunkSealer;
}

/** The keys of this process and everything that is done with them. Nothing gives a private key out. */
export interface Vault {
  readonly deviceKey: DeviceKey;
  /** Base64 of the raw X25519 public key, fresh for this process and kept in memory only. */
  readonly encryptionKey: string;
  /** 16 bytes for one attempt, the salt of its response key. */
  drawResponseNonce(): Uint8Array;
  /** @throws EnvelopeError or EncodingError when the request is not for this key, or not what was sealed */
  openRequest(request: InferenceRequest, body: Uint8Array, responseNonce: Uint8Array): Promise<OpenedRequest>;
  signRegistration(claims: Omit<RegistrationClaims, "encryption_key" | "issued_at">): Promise<string>;
  /** Undefined when the challenge is not one that may be signed: nonce of another length, or a time that is not now. */
  signChallenge(challenge: Challenge, sessionId: string): Promise<string | undefined>;
  signReceipt(receipt: UsageReceipt): Promise<string>;
}

/** @throws KeyError when the device key cannot be used */
export async function openVault(options: { readonly keyFile: string; readonly clock: Clock }): Promise<Vault> {
  const { clock } = options;
  const device = await loadOrCreateDeviceKey(options.keyFile);
  const keyPair = await generateKeyPair(nativeCrypto);
  const encryptionKey = toBase64(keyPair.publicKey);
  const thumbprint = toHex(keyThumbprint(keyPair.publicKey));
  let counter = 0;

  return {
    deviceKey: device.publicJwk,
    encryptionKey,
    drawResponseNonce: () => nativeCrypto.randomBytes(16),
    async openRequest(request, body, responseNonce) {
      const { request_id, build_id, max_output_tokens, suite } = request;
      const { contentKey, responseSecret } = await openWrap(nativeCrypto, {
        requestId: request_id,
        enc: fromBase64(request.wrap.enc),
        ct: fromBase64(request.wrap.ct),
        keyPair,
        suite,
      });
      try {
        const metadata = { request_id, build_id, max_output_tokens };
        const plaintext = await openRequestBody(nativeCrypto, { metadata, contentKey, ciphertext: body, suite });
        const sealer = await createChunkSealer(nativeCrypto, {
          requestId: request_id,
          responseSecret,
          responseNonce,
          recipientPublicKey: keyPair.publicKey,
          suite,
        });
        return { plaintext, sealer };
      } finally {
        contentKey.fill(0);
        responseSecret.fill(0);
      }
    },
    signRegistration: (claims) =>
      signClaims(device, "registration", { ...claims, encryption_key: encryptionKey, issued_at: clock.date().toISOString() }),
    async signChallenge({ nonce, timestamp }, sessionId) {
      const age_ms = Math.abs(clock.date().getTime() - Date.parse(timestamp));
      if (fromBase64(nonce).length !== challengeNonce_bytes || !(age_ms <= challengeAge_ms_max)) return undefined;
      counter++;
      return signClaims(device, "challenge", { nonce, timestamp, session_id: sessionId, encryption_key_thumbprint: thumbprint, counter });
    },
    signReceipt: (receipt) => signClaims(device, "receipt", receipt),
  };
}
