import { toHex, utf8 } from "../bytes.js";
import { canonicalJson } from "../canonical-json.js";
import { sha256 } from "../hash.js";
import { type Manifest, ManifestError, validateManifest } from "../manifest/index.js";
import type { DeviceKey } from "../messages/common.js";
import { type DeviceKeyPair, SignatureError, signClaims, verifyClaimsByAny } from "../signatures/index.js";
import { signedManifest } from "./schema.js";

/** SHA-256 of a manifest's canonical JSON, in hex: every field, and no unknown one. */
export function manifestDigest(manifest: Manifest): string {
  return toHex(sha256(utf8(canonicalJson(manifest))));
}

/**
 * Signs a manifest with the catalogue's key.
 *
 * @param at when it was signed, for people; a signature does not expire
 * @returns a compact JWS with the purpose `manifest`
 * @throws ManifestError for a manifest that contradicts itself
 */
export async function signManifest(key: DeviceKeyPair, manifest: Manifest, at: Date): Promise<string> {
  const checked = validateManifest(manifest);
  return signClaims(key, "manifest", {
    model_id: checked.model_id,
    version: checked.version,
    aggregate_sha256: checked.aggregate_sha256,
    manifest_sha256: manifestDigest(checked),
    signed_at: at.toISOString(),
  });
}

/**
 * Verifies a signed manifest from outside: its own rules first (`validateManifest`), then that one of the keys signed exactly this.
 *
 * @param keys pinned before, never ones that came with the manifest
 * @param value parsed JSON of `GET /v1/models/catalog/manifest/{id}`
 * @returns the manifest without what is not signed
 * @throws ManifestError, `not_as_signed` where the signature is of another manifest; SignatureError, `signature` where no key signed it
 */
export async function verifySignedManifest(keys: readonly DeviceKey[], value: unknown): Promise<Manifest> {
  const checked = validateManifest(value);
  const parsed = signedManifest.safeParse(value);
  if (!parsed.success) throw new SignatureError("malformed");
  const claims = await verifyClaimsByAny(keys, "manifest", parsed.data.signature);
  if (claims.manifest_sha256 !== manifestDigest(checked)) throw new ManifestError("not_as_signed");
  return checked;
}
