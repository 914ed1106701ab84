import { mkdir, readdir, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Manifest, ManifestError, type ModelInfo, manifest, manifestPrefix, modelInfo, validateManifest } from "@umbel/protocol";
import { z } from "zod";
import { isHeld } from "./disk/in-use.js";
import { removeFolder } from "./disk/publish.js";
import { type StorePlace, storeLayout } from "./disk/store-layout.js";
import { ModelError } from "./model-error.js";
import { verifyModel } from "./verify-model.js";

/** A model on this machine. */
export interface LocalModel {
  readonly info: ModelInfo;
  readonly manifest: Manifest;
  /** Absolute folder that holds the manifest's files. */
  readonly directory: string;
  /** Where it came from. */
  readonly origin: ModelOrigin;
  /** Kept however full the disk is: its owner asked for it. */
  readonly isPinned: boolean;
  /** Whether its bytes lie in the store, and not where they were imported from. */
  readonly isStored: boolean;
  readonly takenIn_at: string;
  /** When it was last in use or taken in. */
  readonly used_at: string;
}

/**
 * Models that this provider can serve: one record each under `<prefix>/record.json` of its folder of models. The bytes of imported ones stay where they
 * were imported from; those of downloaded ones lie beside the record.
 */
export interface ModelStore {
  /**
   * Takes a model in by reference, after verifying every file. Importing again replaces its record.
   *
   * @param source folder with `manifest.json` and `catalog.json`, or the path of such a manifest
   * @throws ModelError
   */
  importModel(source: string): Promise<LocalModel>;
  /** Takes in a model that lies somewhere else and has no manifest beside it, after hashing its files. */
  refer(model: { readonly info: ModelInfo; readonly manifest: Manifest; readonly directory: string }): Promise<LocalModel>;
  /** Every model, by id; of several versions of one the latest taken in. A damaged record throws ModelError `record_invalid`. */
  listModels(): Promise<readonly LocalModel[]>;
  /** As `listModels`, with every version. */
  listVersions(): Promise<readonly LocalModel[]>;
  /**
   * Takes a model out, all versions of it; files that were imported stay where they are.
   *
   * @returns bytes that became free
   * @throws ModelError `not_here`, `in_use`
   */
  removeModel(id: string): Promise<number>;
  /** Takes one version out; other versions of the model stay. @returns bytes that became free */
  removeVersion(version: LocalModel): Promise<number>;
  /** Notes that models are in use, so that they are not the first to go when the disk is full. Of what is not here it says nothing. */
  touch(ids: readonly string[]): Promise<void>;
}

const modelOrigin = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("folder") }),
  z.object({ kind: z.literal("catalog"), coordinator: z.string() }),
  z.object({ kind: z.literal("hugging_face"), repository: z.string(), revision: z.string() }),
  z.object({ kind: z.literal("url"), url: z.string() }),
]);
export type ModelOrigin = z.infer<typeof modelOrigin>;

/** What a build's catalogue entry says that a provider needs and its manifest does not hold. */
const facts = z.object({
  id: z.string().optional(),
  contextLength_tokens: z.number().int().positive(),
  quantization: z.string().optional(),
  capabilities: z.array(z.string()).default(["chat"]),
});

const record = z.object({
  schema_version: z.literal(1),
  info: modelInfo,
  manifest,
  /** Absolute, or `.` for the record's own folder. */
  directory: z.string(),
  imported_at: z.iso.datetime(),
  origin: modelOrigin.default({ kind: "folder" }),
  pinned: z.boolean().default(true),
});
export type ModelRecord = z.input<typeof record>;

export const recordFile = "record.json";
/** A prefix is a few folders deep (catalog.md §3), never a tree to get lost in. */
const prefixDepth_max = 6;

export function createModelStore(options: StorePlace & { readonly now?: () => Date }): ModelStore {
  const layout = storeLayout(options);
  const { root } = layout;
  const now = options.now ?? (() => new Date());
  const folderOf = ({ manifest: { model_id, version } }: Pick<LocalModel, "manifest">): string =>
    path.join(root, manifestPrefix(model_id, version));
  const refer: ModelStore["refer"] = async (model) => {
    const folder = folderOf(model);
    await mkdir(folder, { recursive: true });
    const contents: ModelRecord = { schema_version: 1, ...model, imported_at: now().toISOString() };
    const file = path.join(folder, recordFile);
    await replaceFile(file, `${JSON.stringify(contents, undefined, 2)}\n`);
    return readRecord(file);
  };
  const listVersions = async (): Promise<LocalModel[]> => {
    const models: LocalModel[] = [];
    for (const file of await recordsUnder(root, prefixDepth_max)) {
      // One that is gone by now was removed meanwhile.
      const model = await readRecord(file).catch((error: unknown) => (isGone(error) ? undefined : Promise.reject(error)));
      if (model !== undefined) models.push(model);
    }
    return models.sort((a, b) => compare(a.info.id, b.info.id) || compare(a.takenIn_at, b.takenIn_at));
  };
  const removeVersion: ModelStore["removeVersion"] = async (model) => {
    await removeFolder(layout, folderOf(model));
    return model.isStored ? model.manifest.total_size_bytes : 0;
  };
  return {
    refer,
    listVersions,
    async importModel(source) {
      const model = await readModel(source);
      await verifyModel(model.manifest, model.directory);
      return refer(model);
    },
    async listModels() {
      return [...new Map((await listVersions()).map((model) => [model.info.id, model])).values()];
    },
    async removeModel(id) {
      const versions = (await listVersions()).filter(({ info }) => info.id === id);
      if (versions.length === 0) throw new ModelError("not_here", id);
      if (await isHeld(layout, id)) throw new ModelError("in_use", id);
      let freed_bytes = 0;
      for (const model of versions) freed_bytes += await removeVersion(model);
      return freed_bytes;
    },
    removeVersion,
    async touch(ids) {
      for (const model of await listVersions()) {
        if (ids.includes(model.info.id)) await utimes(path.join(folderOf(model), recordFile), now(), now());
      }
    },
  };
}

function isGone(error: unknown): boolean {
  const cause = error instanceof ModelError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

async function readModel(source: string): Promise<Pick<LocalModel, "info" | "manifest" | "directory">> {
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
    const { info, manifest: described, directory, origin, pinned, imported_at } = record.parse(JSON.parse(await readFile(file, "utf8")));
    const isStored = directory === ".";
    const used_at = (await stat(file)).mtime.toISOString();
    return {
      ...{ info, manifest: described, directory: isStored ? path.dirname(file) : directory },
      ...{ origin, isPinned: pinned, isStored, takenIn_at: imported_at, used_at },
    };
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
    else if (entry.isDirectory() && depth > 0 && !entry.name.startsWith(".")) found.push(...(await recordsUnder(location, depth - 1)));
  }
  return found;
}

/** Readers see the old contents or the new, never a part. */
async function replaceFile(file: string, contents: string): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, contents, { mode: 0o600 });
  await rename(draft, file);
}
