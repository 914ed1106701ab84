import { concatBytes } from "../bytes.js";
import type { CryptoSupplier, EncryptionKeyPair } from "../crypto/supplier.js";
import { kemSuiteId, labeledKdf } from "./labeled.js";

const empty = new Uint8Array(0);
const SHARED_SECRET_BYTES = 32;

/** Encap of RFC 9180 §4.1. `ephemeral` must be fresh for every call. */
export async function encapsulate(
  supplier: CryptoSupplier,
  recipientPublicKey: Uint8Array,
  ephemeral: EncryptionKeyPair,
): Promise<{ enc: Uint8Array; sharedSecret: Uint8Array }> {
  const secret = await supplier.diffieHellman(ephemeral.privateKey, recipientPublicKey);
  return { enc: ephemeral.publicKey, sharedSecret: sharedSecretOf(supplier, secret, ephemeral.publicKey, recipientPublicKey) };
}

/** Decap of RFC 9180 §4.1. Throws CryptoError `invalid_public_key` for an encapsulated key of wrong length or low order. */
export async function decapsulate(supplier: CryptoSupplier, enc: Uint8Array, keyPair: EncryptionKeyPair): Promise<Uint8Array> {
  const secret = await supplier.diffieHellman(keyPair.privateKey, enc);
  return sharedSecretOf(supplier, secret, enc, keyPair.publicKey);
}

function sharedSecretOf(supplier: CryptoSupplier, secret: Uint8Array, enc: Uint8Array, recipientPublicKey: Uint8Array): Uint8Array {
  const kdf = labeledKdf(supplier, kemSuiteId);
  const key = kdf.extract(empty, "eae_prk", secret);
  secret.fill(0);
  return kdf.expand(key, "shared_secret", concatBytes(enc, recipientPublicKey), SHARED_SECRET_BYTES);
}
