import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { createManifest, type Manifest, ManifestError, type ManifestFile, manifestFileRole } from "@umbel/protocol";
import { CliError, EXIT_CODES } from "../exit-codes.js";

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
    files.push({ path: relative, size_bytes: (await stat(location)).size, sha256: await sha256Of(location), role });
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

async function sha256Of(location: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(location, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
