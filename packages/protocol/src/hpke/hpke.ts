import type { CipherName, CryptoSupplier, EncryptionKeyPair } from "../crypto/supplier.js";
import { createHpkeContext, type HpkeContext } from "./context.js";
import { decapsulate, encapsulate } from "./dhkem.js";

/**
 * Sender's side of HPKE base mode (RFC 9180 §5.1.1) with DHKEM(X25519, HKDF-SHA256) and HKDF-SHA256.
 *
 * @param options.ephemeral only for test vectors; by default drawn afresh
 * @throws CryptoError `invalid_public_key`, `unsupported_cipher`
 */
export async function setupSender(
  supplier: CryptoSupplier,
  options: { cipherName: CipherName; recipientPublicKey: Uint8Array; info: Uint8Array; ephemeral?: EncryptionKeyPair },
): Promise<{ enc: Uint8Array; context: HpkeContext }> {
  const ephemeral = options.ephemeral ?? (await supplier.generateKeyPair());
  const { enc, sharedSecret } = await encapsulate(supplier, options.recipientPublicKey, ephemeral);
  return { enc, context: await createHpkeContext(supplier, { ...options, sharedSecret }) };
}

/** Receiver's side. Throws CryptoError `invalid_public_key` for a bad `enc`, `unsupported_cipher`. */
export async function setupReceiver(
  supplier: CryptoSupplier,
  options: { cipherName: CipherName; enc: Uint8Array; keyPair: EncryptionKeyPair; info: Uint8Array },
): Promise<HpkeContext> {
  const sharedSecret = await decapsulate(supplier, options.enc, options.keyPair);
  return createHpkeContext(supplier, { ...options, sharedSecret });
}
