import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { inspectGgufFile } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { type ModelFiles, manifestOf, modelFilesIn } from "../publishing/hash-files.js";
import { formatBytes } from "../quantities.js";
import { asModelFailure } from "./models-library.js";

export interface HashOptions {
  readonly id?: string;
  readonly version: string;
  readonly output?: string;
  readonly json?: boolean;
}

/** `umbel models hash`: the manifest of a file or a folder, with sizes and SHA-256 of everything in it. Asks nobody. */
export async function hashModel(target: string, options: HashOptions): Promise<void> {
  const place = path.resolve(target);
  const files = await filesAt(place);
  const id = options.id ?? path.basename(place, ".gguf").toLowerCase();
  const manifest = await manifestOf(files, { id, version: options.version, createdAt: new Date() });
  const text = `${JSON.stringify(manifest, undefined, options.json === true ? undefined : 2)}\n`;
  if (options.output === undefined) process.stdout.write(text);
  else await writeFile(options.output, text);
  const { file_count, total_size_bytes, aggregate_sha256 } = manifest;
  createOutput(options).note(`${file_count} files, ${formatBytes(total_size_bytes)}, ${aggregate_sha256}`);
}

/** A file with the parts and projectors that belong to it, or a folder. */
async function filesAt(place: string): Promise<ModelFiles> {
  const found = await stat(place).catch((cause: unknown) => {
    throw new CliError(`${place} cannot be read.`, EXIT_CODES.failure, "Name a GGUF file, or a folder with a model's files.", { cause });
  });
  const files = found.isDirectory() ? await modelFilesIn(place) : await besides(place);
  if (files.paths.length > 0) return files;
  throw new CliError(`There is nothing of a model in ${place}.`, EXIT_CODES.usage, "Name a GGUF file, or a folder with a model's files.");
}

async function besides(file: string): Promise<ModelFiles> {
  try {
    const { files, projectors } = await inspectGgufFile(file);
    return { directory: path.dirname(file), paths: [...files, ...projectors] };
  } catch (error) {
    throw asModelFailure(error);
  }
}
