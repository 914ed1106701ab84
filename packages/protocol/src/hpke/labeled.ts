import { utf8 } from "../bytes.js";
import { hkdfExpand, hkdfExtract } from "../crypto/hkdf.js";
import type { CipherName, CryptoSupplier } from "../crypto/supplier.js";

/** Identifiers of RFC 9180 §7. */
const KEM_X25519_HKDF_SHA256 = 0x0020;
const KDF_HKDF_SHA256 = 0x0001;
const aeadIdOf: Readonly<Record<CipherName, number>> = { "aes-128-gcm": 0x0001, "aes-256-gcm": 0x0002, "chacha20-poly1305": 0x0003 };

const version = utf8("HPKE-v1");

export const kemSuiteId = Uint8Array.of(...utf8("KEM"), ...twoBytes(KEM_X25519_HKDF_SHA256));

export function hpkeSuiteId(cipher: CipherName): Uint8Array {
  const ids = [KEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, aeadIdOf[cipher]];
  return Uint8Array.of(...utf8("HPKE"), ...ids.flatMap(twoBytes));
}

/** HKDF under one suite id, with the labels of RFC 9180 §4. */
export interface LabeledKdf {
  extract(salt: Uint8Array, label: string, keyMaterial: Uint8Array): Uint8Array;
  expand(key: Uint8Array, label: string, info: Uint8Array, length: number): Uint8Array;
}

export function labeledKdf(supplier: CryptoSupplier, suiteId: Uint8Array): LabeledKdf {
  return {
    extract: (salt, label, keyMaterial) => hkdfExtract(supplier, salt, version, suiteId, utf8(label), keyMaterial),
    expand: (key, label, info, length) =>
      hkdfExpand(supplier, key, length, Uint8Array.from(twoBytes(length)), version, suiteId, utf8(label), info),
  };
}

function twoBytes(value: number): [number, number] {
  return [value >>> 8, value & 0xff];
}
