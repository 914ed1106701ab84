import { z } from "zod";
import { WIRE_LIMITS } from "../limits.js";
import { type DeviceKey, sha256Hex } from "../messages/common.js";
import { type ReleaseClaims, SignatureError, verifyClaimsByAny } from "../signatures/index.js";
import { RELEASE_VERSION } from "./release-version.js";

/** The answer of `GET /v1/releases/latest`: what a coordinator says of a release. Only what is signed of it is believed. */
export const releaseRecord = z.object({
  version: z.string().regex(RELEASE_VERSION),
  platform: z.string(),
  channel: z.string(),
  /** Where the archive is; not signed, because what comes from there is held to its hash. */
  url: z.string().max(2_048),
  bundle_hash: sha256Hex,
  binary_hash: sha256Hex,
  signature: z.string().max(WIRE_LIMITS.jws_bytes_max).nullable(),
  changelog: z.string().max(16_384),
  rollout: z.int(),
  active: z.boolean(),
  created_at: z.iso.datetime(),
});
export type ReleaseRecord = z.infer<typeof releaseRecord>;

/**
 * Verifies a release from outside: that one of the keys signed it, and that the coordinator's words about it are those that were signed.
 *
 * @param keys pinned before, never ones that came with the release
 * @returns what was signed
 * @throws SignatureError; `signature` also where nobody signed it, `claims` where the record is of another release
 */
export async function verifyRelease(keys: readonly DeviceKey[], record: ReleaseRecord): Promise<ReleaseClaims> {
  if (record.signature === null) throw new SignatureError("signature");
  const claims = await verifyClaimsByAny(keys, "release", record.signature);
  const isSame =
    claims.version === record.version &&
    claims.platform === record.platform &&
    claims.channel === record.channel &&
    claims.bundle_sha256 === record.bundle_hash &&
    claims.files_sha256 === record.binary_hash;
  if (!isSame) throw new SignatureError("claims");
  return claims;
}
