export { type BlobStore, createBlobStore } from "./blob-store.js";
export { BundledModelError, loadBundledModel } from "./bundled-model.js";
export { CatalogError } from "./catalog-error.js";
export { type CatalogService, createCatalog } from "./create-catalog.js";
export { createManifestSigner, type ManifestSigner } from "./manifest-signer.js";
export { modelType } from "./model-type.js";
export { createReleases, type Releases } from "./releases/create-releases.js";
export * from "./types.js";
