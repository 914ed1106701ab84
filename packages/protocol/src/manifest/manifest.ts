import { WIRE_LIMITS } from "../limits.js";
import { aggregateHash, inPathOrder } from "./aggregate-hash.js";
import { ManifestError } from "./errors.js";
import { manifestPrefix } from "./prefix.js";
import { assertDistinctPaths, assertSafePath } from "./safe-path.js";
import { type Manifest, type ManifestFile, manifest } from "./schema.js";
import { assertCompleteSplits } from "./split-set.js";

/**
 * Builds the manifest of a version from its hashed files, sorted by path, with every derived field.
 *
 * @throws ManifestError as `validateManifest` does
 */
export function createManifest(input: { modelId: string; version: string; files: readonly ManifestFile[]; createdAt: Date }): Manifest {
  const files = inPathOrder(input.files);
  return validateManifest({
    schema_version: 1,
    model_id: input.modelId,
    version: input.version,
    prefix: manifestPrefix(input.modelId, input.version),
    aggregate_sha256: aggregateHash(files),
    total_size_bytes: totalSize(files),
    file_count: files.length,
    files,
    created_at: input.createdAt.toISOString(),
  });
}

/**
 * Checks a manifest from outside, before anything of it is stored or downloaded: its shape, the safety of its paths, and that each derived
 * field is what the rules derive (catalog.md §2 and §3).
 *
 * @param value parsed JSON
 * @throws ManifestError with the first rule that does not hold
 */
export function validateManifest(value: unknown): Manifest {
  const parsed = manifest.safeParse(value);
  if (!parsed.success) throw new ManifestError(listsTooManyFiles(value) ? "too_many_files" : "malformed");
  const { data } = parsed;
  const paths = data.files.map((file) => file.path);
  if (data.prefix !== manifestPrefix(data.model_id, data.version)) throw new ManifestError("wrong_prefix");
  for (const path of paths) assertSafePath(path);
  assertDistinctPaths(paths);
  assertCompleteSplits(paths);
  if (data.file_count !== data.files.length) throw new ManifestError("wrong_file_count");
  if (data.total_size_bytes !== totalSize(data.files)) throw new ManifestError("wrong_total_size");
  for (const { path, size_bytes, parts } of data.files) {
    if (parts !== undefined && parts.sha256.length !== Math.ceil(size_bytes / parts.size_bytes))
      throw new ManifestError("wrong_parts", path);
  }
  if (data.aggregate_sha256 !== aggregateHash(data.files)) throw new ManifestError("wrong_aggregate");
  return data;
}

function listsTooManyFiles(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("files" in value)) return false;
  return Array.isArray(value.files) && value.files.length > WIRE_LIMITS.manifestFiles_max;
}

function totalSize(files: readonly ManifestFile[]): number {
  return files.reduce((sum, file) => sum + file.size_bytes, 0);
}
