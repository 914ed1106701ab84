import { CompactSign, compactVerify, errors, importJWK } from "jose";
import { z } from "zod";
import { fromUtf8, utf8 } from "../bytes.js";
import { WIRE_LIMITS } from "../limits.js";
import type { DeviceKey } from "../messages/common.js";
import { type EncryptionKeyClaims, encryptionKeyClaims } from "../sealed-transport/wire.js";
import {
  type ChallengeClaims,
  challengeClaims,
  type ManifestClaims,
  manifestClaims,
  type RegistrationClaims,
  type ReleaseClaims,
  registrationClaims,
  releaseClaims,
  type SessionClaims,
  sessionClaims,
  type UsageReceipt,
  usageReceipt,
} from "./claims.js";
import { type DeviceKeyPair, deviceThumbprint } from "./device-key.js";
import { SignatureError } from "./errors.js";

interface ClaimsByPurpose {
  registration: RegistrationClaims;
  challenge: ChallengeClaims;
  receipt: UsageReceipt;
  /** By a coordinator, whose identity is such a key, too. */
  encryption_keys: EncryptionKeyClaims;
  /** By a coordinator for itself. */
  session: SessionClaims;
  /** By whoever publishes the catalogue. */
  manifest: ManifestClaims;
  /** By whoever makes releases of the provider program. */
  release: ReleaseClaims;
}
/** What a device signs. A signature for one purpose never verifies for another. */
export type SignaturePurpose = keyof ClaimsByPurpose;
export type ClaimsOf<P extends SignaturePurpose> = ClaimsByPurpose[P];

const purposes: { [P in SignaturePurpose]: { typ: string; schema: z.ZodType<ClaimsOf<P>>; bytes_max: number } } = {
  registration: { typ: "att-reg+jwt", schema: registrationClaims, bytes_max: WIRE_LIMITS.registrationJws_bytes_max },
  challenge: { typ: "att-challenge+jwt", schema: challengeClaims, bytes_max: WIRE_LIMITS.jws_bytes_max },
  receipt: { typ: "usage-receipt+jwt", schema: usageReceipt, bytes_max: WIRE_LIMITS.jws_bytes_max },
  encryption_keys: { typ: "encryption-keys+jwt", schema: encryptionKeyClaims, bytes_max: WIRE_LIMITS.jws_bytes_max },
  manifest: { typ: "model-manifest+jwt", schema: manifestClaims, bytes_max: WIRE_LIMITS.jws_bytes_max },
  release: { typ: "provider-release+jwt", schema: releaseClaims, bytes_max: WIRE_LIMITS.jws_bytes_max },
  session: { typ: "session+jwt", schema: sessionClaims, bytes_max: WIRE_LIMITS.jws_bytes_max },
};

const algorithm = "ES256";
const version = 1;
const header = z.object({ typ: z.string(), ver: z.number() });

/**
 * Signs claims with a device key.
 *
 * @returns a compact JWS (RFC 7515), ES256, whose header carries the purpose (`typ`), the device's thumbprint (`kid`) and `ver`
 * @throws SignatureError `claims` for claims of the wrong shape, so that nobody can have arbitrary text signed; `invalid_key`
 */
export async function signClaims<P extends SignaturePurpose>(key: DeviceKeyPair, purpose: P, claims: ClaimsOf<P>): Promise<string> {
  const { typ, schema, bytes_max } = purposes[purpose];
  const parsed = schema.safeParse(claims);
  if (!parsed.success) throw new SignatureError("claims");
  const kid = await deviceThumbprint(key.publicJwk);
  const jws = await new CompactSign(utf8(JSON.stringify(parsed.data)))
    .setProtectedHeader({ alg: algorithm, typ, kid, ver: version })
    .sign(key.privateKey);
  if (jws.length > bytes_max) throw new SignatureError("claims");
  return jws;
}

/**
 * Verifies a signature by a known device key, over the bytes received, and only then reads the claims. Whether their times are recent enough
 * is the caller's to judge.
 *
 * @param publicJwk the key bound at registration, never one that came with the signature
 * @throws SignatureError with one of its codes
 */
export async function verifyClaims<P extends SignaturePurpose>(publicJwk: DeviceKey, purpose: P, jws: string): Promise<ClaimsOf<P>> {
  const { typ, schema, bytes_max } = purposes[purpose];
  if (jws.length > bytes_max) throw new SignatureError("malformed");
  const verified = await verifySignature(publicJwk, jws);
  const protectedHeader = header.safeParse(verified.protectedHeader);
  if (!protectedHeader.success || protectedHeader.data.typ !== typ) throw new SignatureError("purpose");
  if (protectedHeader.data.ver !== version) throw new SignatureError("version");
  const parsed = schema.safeParse(readJson(verified.payload));
  if (!parsed.success) throw new SignatureError("claims");
  return parsed.data;
}

/**
 * Verifies a signature by whichever of several keys made it.
 *
 * @throws SignatureError as `verifyClaims` does; `signature` where none of the keys made it
 */
export async function verifyClaimsByAny<P extends SignaturePurpose>(
  keys: readonly DeviceKey[],
  purpose: P,
  jws: string,
): Promise<ClaimsOf<P>> {
  for (const key of keys) {
    try {
      return await verifyClaims(key, purpose, jws);
    } catch (error) {
      if (!(error instanceof SignatureError) || error.code !== "signature") throw error;
    }
  }
  throw new SignatureError("signature");
}

async function verifySignature(publicJwk: DeviceKey, jws: string) {
  const key = await verificationKey(publicJwk);
  try {
    return await compactVerify(jws, key, { algorithms: [algorithm] });
  } catch (error) {
    throw new SignatureError(error instanceof errors.JWSSignatureVerificationFailed ? "signature" : "malformed");
  }
}

/** Importing a key costs more than a verification; a session verifies every receipt under the same one. */
const verificationKeys = new WeakMap<DeviceKey, ReturnType<typeof importJWK>>();

function verificationKey(publicJwk: DeviceKey): ReturnType<typeof importJWK> {
  const known = verificationKeys.get(publicJwk);
  if (known !== undefined) return known;
  const key = importJWK(publicJwk, algorithm).catch(() => {
    throw new SignatureError("invalid_key");
  });
  verificationKeys.set(publicJwk, key);
  return key;
}

function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(payload));
  } catch {
    throw new SignatureError("claims");
  }
}
