import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  KeyObject,
  randomBytes,
} from "node:crypto";
import {
  type Cipher,
  type CipherName,
  CryptoError,
  type CryptoSupplier,
  keyBytesOf,
  pkcs8OfX25519,
  refuseZeroSecret,
  TAG_BYTES,
  X25519_BYTES,
} from "../crypto/supplier.js";

/** Primitives from `node:crypto`, all of them synchronous. */
export const nativeCrypto: CryptoSupplier = {
  ciphers: ["aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"],
  randomBytes: (length) => plain(randomBytes(length)),
  sha256(...parts) {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return plain(hash.digest());
  },
  hmacSha256(key, ...parts) {
    const mac = createHmac("sha256", key);
    for (const part of parts) mac.update(part);
    return plain(mac.digest());
  },
  generateKeyPair() {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    return { publicKey: rawPublicKey(publicKey), privateKey };
  },
  importKeyPair(rawPrivateKey) {
    const encoded = pkcs8OfX25519(rawPrivateKey);
    const privateKey = createPrivateKey({ key: Buffer.from(encoded.buffer), format: "der", type: "pkcs8" });
    encoded.fill(0);
    return { publicKey: rawPublicKey(createPublicKey(privateKey)), privateKey };
  },
  diffieHellman(privateKey, publicKey) {
    if (!(privateKey instanceof KeyObject)) throw new CryptoError("foreign_key");
    if (publicKey.length !== X25519_BYTES) throw new CryptoError("invalid_public_key");
    try {
      return refuseZeroSecret(plain(diffieHellman({ privateKey, publicKey: importPublicKey(publicKey) })));
    } catch {
      // OpenSSL refuses low-order points itself.
      throw new CryptoError("invalid_public_key");
    }
  },
  createCipher(name, key) {
    if (key.length !== keyBytesOf[name]) throw new CryptoError("invalid_key_length");
    return createNativeCipher(name, createSecretKey(key));
  },
};

function createNativeCipher(name: CipherName, key: KeyObject): Cipher {
  const options = { authTagLength: TAG_BYTES };
  return {
    seal({ nonce, aad, plaintext, headroom_bytes = 0 }) {
      const cipher = name === "chacha20-poly1305" ? createCipheriv(name, key, nonce, options) : createCipheriv(name, key, nonce, options);
      cipher.setAAD(aad, { plaintextLength: plaintext.length });
      const output = new Uint8Array(headroom_bytes + plaintext.length + TAG_BYTES);
      output.set(cipher.update(plaintext), headroom_bytes);
      cipher.final();
      output.set(cipher.getAuthTag(), headroom_bytes + plaintext.length);
      return output;
    },
    open({ nonce, aad, ciphertext }) {
      const end = ciphertext.length - TAG_BYTES;
      if (end < 0) throw new CryptoError("authentication");
      const decipher =
        name === "chacha20-poly1305" ? createDecipheriv(name, key, nonce, options) : createDecipheriv(name, key, nonce, options);
      decipher.setAAD(aad, { plaintextLength: end });
      decipher.setAuthTag(ciphertext.subarray(end));
      const plaintext = plain(decipher.update(ciphertext.subarray(0, end)));
      try {
        decipher.final();
      } catch {
        throw new CryptoError("authentication");
      }
      return plaintext;
    },
  };
}

/** Through JWK, because Node parses it ten times faster than DER (17 µs to 180 µs, measured on Node 20). */
function importPublicKey(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url"));
}

/** The same bytes as a plain array: callers get one type from every supplier. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
