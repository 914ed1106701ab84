export { fileUrls, isFileAddress } from "./file-urls.js";
export { type ReleaseRecord, releaseRecord, verifyRelease } from "./release.js";
export { RELEASE_VERSION, releasePrecedence } from "./release-version.js";
export {
  type CatalogAlias,
  type CatalogEntry,
  type CatalogKeys,
  type CatalogList,
  catalogAlias,
  catalogEntry,
  catalogKeys,
  catalogList,
  type SignedManifest,
  signedManifest,
  type WithdrawnVersion,
  withdrawnVersion,
} from "./schema.js";
export { manifestDigest, signManifest, verifySignedManifest } from "./sign-manifest.js";
