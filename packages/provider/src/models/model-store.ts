import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Manifest, ManifestError, type ModelInfo, manifest, manifestPrefix, modelInfo, validateManifest } from "@umbel/protocol";
import { z } from "zod";
import { ModelError } from "./model-error.js";
import { verifyModel } from "./verify-model.js";

/** A model on this machine. */
export interface LocalModel {
  readonly info: ModelInfo;
  readonly manifest: Manifest;
  /** Absolute folder that holds the manifest's files. */
  readonly directory: string;
}

/** Models that this provider can serve: one record each under `<home>/models/<prefix>/record.json`; the bytes stay where they were imported from. */
export interface ModelStore {
  /**
   * Takes a model in by reference, after verifying every file. Importing again replaces its record.
   *
   * @param source folder with `manifest.json` and `catalog.json`, or the path of such a manifest
   * @throws ModelError
   */
  importModel(source: string): Promise<LocalModel>;
  /** Every imported model, by id. A damaged record throws ModelError `record_invalid`. */
  listModels(): Promise<readonly LocalModel[]>;
}

/** What a build's catalogue entry says that a provider needs and its manifest does not hold. */
const facts = z.object({
  id: z.string().optional(),
  contextLength_tokens: z.number().int().positive(),
  quantization: z.string().optional(),
  capabilities: z.array(z.string()).default(["chat"]),
});

const record = z.object({ schema_version: z.literal(1), info: modelInfo, manifest, directory: z.string(), imported_at: z.iso.datetime() });

const recordFile = "record.json";
/** A prefix is a few folders deep (catalog.md §3), never a tree to get lost in. */
const prefixDepth_max = 6;

/** @param options.home the Umbel home, absolute */
export function createModelStore(options: { readonly home: string; readonly now?: () => Date }): ModelStore {
  const root = path.join(options.home, "models");
  const now = options.now ?? (() => new Date());
  return {
    async importModel(source) {
      const model = await readModel(source);
      await verifyModel(model.manifest, model.directory);
      const folder = path.join(root, manifestPrefix(model.manifest.model_id, model.manifest.version));
      await mkdir(folder, { recursive: true });
      const contents = { schema_version: 1, ...model, imported_at: now().toISOString() };
      await replaceFile(path.join(folder, recordFile), `${JSON.stringify(contents, undefined, 2)}\n`);
      return model;
    },
    async listModels() {
      const models: LocalModel[] = [];
      for (const file of await recordsUnder(root, prefixDepth_max)) models.push(await readRecord(file));
      return models.sort((a, b) => (a.info.id < b.info.id ? -1 : 1));
    },
  };
}

async function readModel(source: string): Promise<LocalModel> {
  const isFolder = (await stat(source).catch(() => undefined))?.isDirectory() ?? false;
  const manifestPath = path.resolve(isFolder ? path.join(source, "manifest.json") : source);
  const directory = path.dirname(manifestPath);
  const described = await readManifest(manifestPath);
  return { info: await readInfo(path.join(directory, "catalog.json"), described), manifest: described, directory };
}

async function readManifest(file: string): Promise<Manifest> {
  const value = await readJson(file, "manifest_missing", "manifest_invalid");
  try {
    return validateManifest(value);
  } catch (error) {
    throw error instanceof ManifestError ? new ModelError("manifest_invalid", file, { cause: error }) : error;
  }
}

async function readInfo(factsPath: string, described: Manifest): Promise<ModelInfo> {
  const parsed = facts.safeParse(await readJson(factsPath, "facts_missing", "facts_invalid"));
  if (!parsed.success || (parsed.data.id ?? described.model_id) !== described.model_id) throw new ModelError("facts_invalid", factsPath);
  const known = modelInfo.shape.capabilities.unwrap().element;
  return {
    id: described.model_id,
    size_bytes: described.total_size_bytes,
    format: "gguf",
    quantization: parsed.data.quantization,
    context_length: parsed.data.contextLength_tokens,
    weight_hash: described.aggregate_sha256,
    capabilities: parsed.data.capabilities.flatMap((name) => known.safeParse(name).data ?? []),
  };
}

async function readJson(
  file: string,
  missing: "manifest_missing" | "facts_missing",
  invalid: "manifest_invalid" | "facts_invalid",
): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new ModelError(missing, file, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelError(invalid, file, { cause: error });
  }
}

async function readRecord(file: string): Promise<LocalModel> {
  try {
    const { info, manifest: described, directory } = record.parse(JSON.parse(await readFile(file, "utf8")));
    return { info, manifest: described, directory };
  } catch (error) {
    throw new ModelError("record_invalid", file, { cause: error });
  }
}

async function recordsUnder(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    const location = path.join(folder, entry.name);
    if (entry.isFile() && entry.name === recordFile) found.push(location);
    else if (entry.isDirectory() && depth > 0) found.push(...(await recordsUnder(location, depth - 1)));
  }
  return found;
}

/** Readers see the old contents or the new, never a part. */
async function replaceFile(file: string, contents: string): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, contents, { mode: 0o600 });
  await rename(draft, file);
}
