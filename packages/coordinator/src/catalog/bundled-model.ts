import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Manifest, ManifestError, validateManifest } from "@umbel/protocol";
import { catalogFile, fieldAtFault } from "./schemas.js";
import type { NewAlias, NewBuild } from "./types.js";

const MANIFEST = "manifest.json";
const CATALOG = "catalog.json";

export type BundledModelErrorCode = "file_unreadable" | "not_json" | "invalid_field" | "manifest_invalid";

/** A model's directory does not describe a model. */
export class BundledModelError extends Error {
  override readonly name = "BundledModelError";

  constructor(
    readonly code: BundledModelErrorCode,
    /** Path of the file at fault. */
    readonly file: string,
    /** Dotted path of the field at fault; empty when the file is wrong as a whole. */
    readonly field: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${code}${field === "" ? "" : ` (${field})`}`, options);
  }
}

/**
 * Reads a model's description: `manifest.json` (its files, byte for byte) and `catalog.json` (what else the catalogue wants to know). The
 * model's own files are not read.
 *
 * @param directory folder that holds both, e.g. `models/sprout`
 * @returns what `Catalog.register` and, after it, `Catalog.setAlias` take
 * @throws BundledModelError naming file and field
 */
export async function loadBundledModel(directory: string): Promise<{ readonly build: NewBuild; readonly alias: NewAlias }> {
  const manifest = await readManifest(path.join(directory, MANIFEST));
  const file = path.join(directory, CATALOG);
  const parsed = catalogFile.safeParse(await readJson(file));
  if (!parsed.success) throw new BundledModelError("invalid_field", file, fieldAtFault(parsed.error));
  const { alias, ...facts } = parsed.data;
  if (facts.id !== manifest.model_id) throw new BundledModelError("invalid_field", file, "id");
  return {
    build: { ...facts, weightHash: manifest.aggregate_sha256, size_bytes: manifest.total_size_bytes, manifest },
    alias: { ...alias, desired: facts.id },
  };
}

async function readManifest(file: string): Promise<Manifest> {
  const value = await readJson(file);
  try {
    return validateManifest(value);
  } catch (error) {
    if (error instanceof ManifestError) throw new BundledModelError("manifest_invalid", file, error.code, { cause: error });
    throw error;
  }
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new BundledModelError("file_unreadable", file, "", { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BundledModelError("not_json", file, "", { cause: error });
  }
}
