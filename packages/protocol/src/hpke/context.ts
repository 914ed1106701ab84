import { concatBytes } from "../bytes.js";
import { type CipherName, type CryptoSupplier, keyBytesOf, NONCE_BYTES } from "../crypto/supplier.js";
import { hpkeSuiteId, labeledKdf } from "./labeled.js";

const empty = new Uint8Array(0);
const EXPORTER_SECRET_BYTES = 32;
const modeBase = Uint8Array.of(0);

/** One direction of an HPKE exchange (RFC 9180 §5.2): messages take consecutive sequence numbers. */
export interface HpkeContext {
  seal(aad: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>;
  /** Throws CryptoError `authentication`; the sequence number is then not used up. */
  open(aad: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array>;
  /** A secret of `length` bytes that only the two ends can derive (RFC 9180 §5.3). */
  exportSecret(exporterContext: Uint8Array, length: number): Uint8Array;
}

/** Key schedule of RFC 9180 §5.1 in base mode. */
export async function createHpkeContext(
  supplier: CryptoSupplier,
  { cipherName, sharedSecret, info }: { cipherName: CipherName; sharedSecret: Uint8Array; info: Uint8Array },
): Promise<HpkeContext> {
  const schedule = keySchedule(supplier, { cipherName, sharedSecret, info });
  const cipher = await supplier.createCipher(cipherName, schedule.key);
  let sequence = 0;

  return {
    async seal(aad, plaintext) {
      const nonce = nonceAt(schedule.baseNonce, sequence++);
      return cipher.seal({ nonce, aad, plaintext });
    },
    async open(aad, ciphertext) {
      const plaintext = await cipher.open({ nonce: nonceAt(schedule.baseNonce, sequence), aad, ciphertext });
      sequence++;
      return plaintext;
    },
    exportSecret: (exporterContext, length) => schedule.kdf.expand(schedule.exporterSecret, "sec", exporterContext, length),
  };
}

export function keySchedule(
  supplier: CryptoSupplier,
  { cipherName, sharedSecret, info }: { cipherName: CipherName; sharedSecret: Uint8Array; info: Uint8Array },
) {
  const kdf = labeledKdf(supplier, hpkeSuiteId(cipherName));
  const context = concatBytes(modeBase, kdf.extract(empty, "psk_id_hash", empty), kdf.extract(empty, "info_hash", info));
  const secret = kdf.extract(sharedSecret, "secret", empty);
  return {
    kdf,
    key: kdf.expand(secret, "key", context, keyBytesOf[cipherName]),
    baseNonce: kdf.expand(secret, "base_nonce", context, NONCE_BYTES),
    exporterSecret: kdf.expand(secret, "exp", context, EXPORTER_SECRET_BYTES),
  };
}

/** The base nonce XOR the sequence number in its last bytes. */
function nonceAt(baseNonce: Uint8Array, sequence: number): Uint8Array {
  const nonce = baseNonce.slice();
  for (let index = NONCE_BYTES - 1, rest = sequence; rest > 0; index--, rest = Math.floor(rest / 256)) {
    nonce[index] = (nonce[index] ?? 0) ^ (rest % 256);
  }
  return nonce;
}
