import { z } from "zod";
import { WIRE_LIMITS } from "../limits.js";
import { count, sha256Hex, shortText } from "../messages/common.js";

/** Hashes of a file's parts, in their order: a byte that is wrong is found in its part, and only that part is fetched again. */
export const fileParts = z.object({
  /** Of every part but the last, which has what is left. */
  size_bytes: count.min(WIRE_LIMITS.manifestPart_bytes_min),
  sha256: z.array(sha256Hex).min(1).max(WIRE_LIMITS.manifestParts_max),
});
export type FileParts = z.infer<typeof fileParts>;

export const manifestFile = z.object({
  /** Relative path with `/`. */
  path: z.string().max(1024),
  size_bytes: count,
  sha256: sha256Hex,
  role: z.enum(["weight", "index", "tokenizer", "config", "template", "preprocessor", "projector", "adapter", "other"]),
  /** Absent from files of one part, and from manifests that were made before there were such hashes. */
  parts: fileParts.exactOptional(),
});
export type ManifestFile = z.infer<typeof manifestFile>;

/** The files of one build, byte for byte (catalog.md §2). */
export const manifest = z.object({
  schema_version: z.literal(1),
  model_id: shortText,
  version: shortText,
  /** Derived from id and version (catalog.md §3), never chosen. */
  prefix: z.string().max(512),
  aggregate_sha256: sha256Hex,
  total_size_bytes: count,
  file_count: count,
  files: z.array(manifestFile).min(1).max(WIRE_LIMITS.manifestFiles_max),
  created_at: z.iso.datetime(),
});
export type Manifest = z.infer<typeof manifest>;
