import {
  type CatalogKeys,
  type Clock,
  type DeviceKeyPair,
  deviceThumbprint,
  type Manifest,
  manifestDigest,
  signManifest,
} from "@umbel/protocol";

/** Signatures that are kept, so that a manifest that is asked for often is signed once. */
export const KEPT_SIGNATURES_max = 4096;

/** Signs for the catalogue: that a build's files are these (catalog.md §2.2). */
export interface ManifestSigner {
  /** Who signs, as machines pin it. */
  readonly keys: CatalogKeys;
  /** @returns a compact JWS, the same one as long as it is kept. @throws ManifestError for a manifest that contradicts itself */
  sign(manifest: Manifest): Promise<string>;
}

export async function createManifestSigner({
  key,
  clock,
}: {
  readonly key: DeviceKeyPair;
  readonly clock: Clock;
}): Promise<ManifestSigner> {
  const kept = new Map<string, Promise<string>>();
  const kid = await deviceThumbprint(key.publicJwk);
  return {
    keys: { keys: [{ kid, jwk: key.publicJwk }] },
    sign(manifest) {
      const digest = manifestDigest(manifest);
      const known = kept.get(digest);
      if (known !== undefined) return known;
      if (kept.size >= KEPT_SIGNATURES_max) kept.clear();
      const signature = signManifest(key, manifest, clock.date());
      kept.set(digest, signature);
      return signature;
    },
  };
}
