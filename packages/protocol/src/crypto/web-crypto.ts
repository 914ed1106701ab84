import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { sha256 } from "../hash.js";
import {
  type Cipher,
  CryptoError,
  type CryptoSupplier,
  type EncryptionKeyPair,
  keyBytesOf,
  pkcs8OfX25519,
  refuseZeroSecret,
  TAG_BYTES,
  X25519_BYTES,
} from "./supplier.js";

/** The u-coordinate 9: multiplied by a private key it gives the public key (RFC 7748 §4.1). */
const basePoint = Uint8Array.from({ length: X25519_BYTES }, (_, index) => (index === 0 ? 9 : 0));

/**
 * Primitives from `globalThis.crypto`: for browsers, and any runtime with WebCrypto and X25519. It has no ChaCha20-Poly1305, so only AES-GCM
 * suites can be negotiated. SHA-256 and HMAC come from `@noble/hashes`: WebCrypto has them too, but at one asynchronous call each the key
 * schedule would take more than ten of them.
 */
export const webCrypto: CryptoSupplier = {
  ciphers: ["aes-128-gcm", "aes-256-gcm"],
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  sha256,
  hmacSha256(key, ...parts) {
    const mac = hmac.create(nobleSha256, key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  },
  async generateKeyPair() {
    const pair = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
    if (!("privateKey" in pair)) throw new TypeError("WebCrypto gave a single key where the algorithm makes pairs");
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    return { publicKey, privateKey: pair.privateKey };
  },
  async importKeyPair(rawPrivateKey): Promise<EncryptionKeyPair> {
    const encoded = pkcs8OfX25519(rawPrivateKey);
    const privateKey = await crypto.subtle.importKey("pkcs8", encoded, { name: "X25519" }, false, ["deriveBits"]);
    encoded.fill(0);
    return { publicKey: await diffieHellman(privateKey, basePoint), privateKey };
  },
  diffieHellman,
  async createCipher(name, key) {
    if (name === "chacha20-poly1305") throw new CryptoError("unsupported_cipher");
    if (key.length !== keyBytesOf[name]) throw new CryptoError("invalid_key_length");
    return createAesGcm(await crypto.subtle.importKey("raw", owned(key), "AES-GCM", false, ["encrypt", "decrypt"]));
  },
};

async function diffieHellman(privateKey: object, rawPublicKey: Uint8Array): Promise<Uint8Array> {
  if (!(privateKey instanceof CryptoKey)) throw new CryptoError("foreign_key");
  if (rawPublicKey.length !== X25519_BYTES) throw new CryptoError("invalid_public_key");
  const publicKey = await crypto.subtle.importKey("raw", owned(rawPublicKey), { name: "X25519" }, false, []);
  let secret: ArrayBuffer;
  try {
    secret = await crypto.subtle.deriveBits({ name: "X25519", public: publicKey }, privateKey, X25519_BYTES * 8);
  } catch {
    // Engines refuse low-order points here themselves, as the specification asks.
    throw new CryptoError("invalid_public_key");
  }
  return refuseZeroSecret(new Uint8Array(secret));
}

function createAesGcm(key: CryptoKey): Cipher {
  const parameters = (nonce: Uint8Array, aad: Uint8Array) => ({
    name: "AES-GCM",
    iv: owned(nonce),
    additionalData: owned(aad),
    tagLength: TAG_BYTES * 8,
  });
  return {
    async seal({ nonce, aad, plaintext, headroom_bytes = 0 }) {
      const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters(nonce, aad), key, owned(plaintext)));
      if (headroom_bytes === 0) return sealed;
      const output = new Uint8Array(headroom_bytes + sealed.length);
      output.set(sealed, headroom_bytes);
      return output;
    },
    async open({ nonce, aad, ciphertext }) {
      try {
        return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, aad), key, owned(ciphertext)));
      } catch {
        throw new CryptoError("authentication");
      }
    },
  };
}

/** WebCrypto takes no views of shared memory; those, and only those, are copied. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
}
