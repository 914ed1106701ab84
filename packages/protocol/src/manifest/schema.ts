import { z } from "zod";
import { WIRE_LIMITS } from "../limits.js";
import { count, sha256Hex, shortText } from "../messages/common.js";

export const manifestFile = z.object({
  /** Relative path with `/`. */
  path: z.string().max(1024),
  size_bytes: count,
  sha256: sha256Hex,
  role: z.enum(["weight", "index", "tokenizer", "config", "template", "preprocessor", "projector", "adapter", "other"]),
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
