import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { createManifest, type Manifest, ManifestError, type ManifestFile, manifestFileRole } from "@umbel/protocol";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** What machines fetch at once, and again when it is not what it should be. */
export const PART_bytes = 64 * 1024 * 1024;

/** Where a version's files are, and which of them belong to it. */
export interface ModelFiles {
  readonly directory: string;
  /** Relative, with `/`. */
  readonly paths: readonly string[];
}

/** Every file of a directory that belongs in a manifest, hidden ones apart (catalog.md §2.1). */
export async function modelFilesIn(directory: string): Promise<ModelFiles> {
  const entries = await readdir(directory, { recursive: true });
  const paths: string[] = [];
  for (const entry of entries.sort()) {
    const relative = entry.split(path.sep).join("/");
    const isHidden = relative.split("/").some((segment) => segment.startsWith("."));
    if (isHidden || manifestFileRole(relative) === undefined) continue;
    if ((await stat(path.join(directory, entry))).isFile()) paths.push(relative);
  }
  return { directory, paths };
}

/** The manifest of a version. @throws CliError for files that make no version */
export async function manifestOf(
  { directory, paths }: ModelFiles,
  { id, version, createdAt }: { readonly id: string; readonly version: string; readonly createdAt: Date },
): Promise<Manifest> {
  const files: ManifestFile[] = [];
  for (const relative of paths) {
    const location = path.join(directory, ...relative.split("/"));
    const role = manifestFileRole(relative) ?? "other";
    const { size } = await stat(location);
    files.push({ path: relative, size_bytes: size, role, ...(await hashesOf(location, size)) });
  }
  try {
    return createManifest({ modelId: id, version, files, createdAt });
  } catch (cause) {
    if (!(cause instanceof ManifestError)) throw cause;
    const where = cause.path === undefined ? "" : ` (${cause.path})`;
    throw new CliError(
      `These files make no version of a model: ${cause.code}${where}.`,
      EXIT_CODES.usage,
      "Name a folder with a model's files, an --id of letters, digits, dots, dashes and slashes, and a --version without slashes.",
      { cause },
    );
  }
}

/** Hashes a file once, whole and in parts; one that is no larger than a part has no parts. */
async function hashesOf(location: string, size_bytes: number): Promise<Pick<ManifestFile, "sha256" | "parts">> {
  const whole = createHash("sha256");
  const parts: string[] = [];
  let part = createHash("sha256");
  let left_bytes = PART_bytes;
  for await (const read of createReadStream(location, { highWaterMark: 1024 * 1024 })) {
    const chunk = read as Buffer;
    whole.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + left_bytes);
      part.update(piece);
      at += piece.length;
      left_bytes -= piece.length;
      if (left_bytes > 0) continue;
      parts.push(part.digest("hex"));
      part = createHash("sha256");
      left_bytes = PART_bytes;
    }
  }
  if (left_bytes < PART_bytes) parts.push(part.digest("hex"));
  const sha256 = whole.digest("hex");
  return size_bytes > PART_bytes ? { sha256, parts: { size_bytes: PART_bytes, sha256: parts } } : { sha256 };
}
