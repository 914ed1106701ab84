import type { CipherName, CryptoSupplier } from "../crypto/supplier.js";
import { type EnvelopeSuite, envelopeSuite } from "../messages/common.js";

const ciphers: Readonly<Record<EnvelopeSuite, CipherName>> = {
  "x25519-sha256-aes256gcm": "aes-256-gcm",
  "x25519-sha256-chacha20poly1305": "chacha20-poly1305",
};

export function cipherOf(suite: EnvelopeSuite): CipherName {
  return ciphers[suite];
}

/** Suites that a supplier can seal and open, the preferred first. WebCrypto lacks ChaCha20-Poly1305. */
export function supportedSuites(supplier: CryptoSupplier): EnvelopeSuite[] {
  return envelopeSuite.options.filter((suite) => supplier.ciphers.includes(ciphers[suite]));
}
