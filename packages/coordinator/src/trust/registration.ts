import {
  type DeviceKey,
  deviceThumbprint,
  EncodingError,
  fromBase64,
  keyThumbprint,
  type Register,
  type RegisterRejected,
  type RegistrationClaims,
  SignatureError,
  type TrustLevel,
  toHex,
  verifyClaims,
} from "@umbel/protocol";

/** What registration evidence has established about a machine. It holds for one session; possession of the device key is proven afterwards. */
export interface Device {
  /** RFC 7638 thumbprint of the device key: the machine's stable identity. */
  readonly machineId: string;
  readonly deviceKey: DeviceKey;
  /** Raw X25519 public key, 32 bytes, that the device key has vouched for. */
  readonly encryptionKey: Uint8Array;
  /** SHA-256 of the encryption key, lower-case hex. */
  readonly encryptionKeyThumbprint: string;
  readonly trustLevel: TrustLevel;
}

export type RegistrationVerdict =
  | { readonly ok: true; readonly device: Device }
  | { readonly ok: false; readonly code: RegisterRejected["code"]; readonly reason: string };

const X25519_KEY_BYTES = 32;
/** How far a registration's `issued_at` may be from this clock, either way (trust.md §6.3). */
export const REGISTRATION_SKEW_MS = 5 * 60_000;

/**
 * Verifies the evidence of a `register` message: the device key signs the encryption key, version, program, engine and weight hashes that the
 * message claims, recently. A software key proves continuity only, so the level is `self_signed` whatever the machine says of itself.
 *
 * @param register decoded message; nothing in it is believed before its signature
 * @param now wall-clock time
 */
export async function appraiseRegistration(register: Register, now: Date): Promise<RegistrationVerdict> {
  const encryptionKey = decodeKey(register.encryption_key);
  if (!encryptionKey) return refused("invalid_public_key", "encryption key must be base64 of 32 bytes");
  let claims: RegistrationClaims;
  let machineId: string;
  try {
    claims = await verifyClaims(register.device_key, "registration", register.attestation);
    machineId = await deviceThumbprint(register.device_key);
  } catch (error) {
    if (error instanceof SignatureError) return refused("invalid_attestation", "signature of the registration does not verify");
    throw error;
  }
  const mismatch = mismatchOf(register, claims, now);
  if (mismatch) return refused("invalid_attestation", mismatch);
  return {
    ok: true,
    device: {
      machineId,
      deviceKey: register.device_key,
      encryptionKey,
      encryptionKeyThumbprint: toHex(keyThumbprint(encryptionKey)),
      trustLevel: "self_signed",
    },
  };
}

/** The first claim that does not say what the message says; undefined when all agree. */
function mismatchOf(register: Register, claims: RegistrationClaims, now: Date): string | undefined {
  if (claims.encryption_key !== register.encryption_key) return "signed encryption key differs";
  if (claims.version !== register.version) return "signed version differs";
  if (claims.backend !== register.backend) return "signed backend differs";
  if (claims.runtime_hash !== register.runtime_hash) return "signed runtime hash differs";
  if (register.models.some((model) => claims.weight_hashes[model.id] !== model.weight_hash)) return "signed weight hashes differ";
  const skew_ms = Math.abs(Date.parse(claims.issued_at) - now.getTime());
  // Written so that an unreadable time (NaN) is refused.
  if (!(skew_ms <= REGISTRATION_SKEW_MS)) return "registration was not signed within 5 minutes of now";
  return undefined;
}

function decodeKey(base64: string): Uint8Array | undefined {
  try {
    const key = fromBase64(base64);
    return key.length === X25519_KEY_BYTES ? key : undefined;
  } catch (error) {
    if (error instanceof EncodingError) return undefined;
    throw error;
  }
}

function refused(code: RegisterRejected["code"], reason: string): RegistrationVerdict {
  return { ok: false, code, reason };
}
