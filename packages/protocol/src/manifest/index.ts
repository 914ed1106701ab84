export { aggregateHash, type HashedFile } from "./aggregate-hash.js";
export { ManifestError, type ManifestErrorCode } from "./errors.js";
export { manifestFileRole } from "./file-role.js";
export { createManifest, validateManifest } from "./manifest.js";
export { manifestPrefix } from "./prefix.js";
export { assertSafePath } from "./safe-path.js";
export { type FileParts, fileParts, type Manifest, type ManifestFile, manifest, manifestFile } from "./schema.js";
