import { createHash } from "node:crypto";
import { rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  aggregateHash,
  type CatalogEntry,
  createManifest,
  type Manifest,
  type ManifestFile,
  type ModelInfo,
  manifestFileRole,
  manifestPrefix,
  modelInfo,
} from "@umbel/protocol";
import { publishFolder } from "./disk/publish.js";
import { reuseFiles } from "./disk/reuse-files.js";
import { withLock } from "./disk/staging-lock.js";
import { type StorePlace, storeLayout } from "./disk/store-layout.js";
import { DownloadError } from "./download/download-error.js";
import { type DownloadOptions, downloadFiles } from "./download/download-files.js";
import { GgufError } from "./gguf/gguf-error.js";
import { inspectGgufFile } from "./gguf/inspect-gguf.js";
import { infoFromGguf } from "./gguf-info.js";
import { ModelError } from "./model-error.js";
import { createModelStore, type LocalModel, type ModelRecord, recordFile } from "./model-store.js";
import type { WantedBuild } from "./sources/wanted-build.js";

export interface InstallOptions extends DownloadOptions, StorePlace {
  /** Keeps the model however full the disk is. */
  readonly isPinned: boolean;
  /** Told once that another process fetches the same build. */
  readonly onWait?: () => void;
  /** Frees room in the store for so many bytes, if it can; before anything is fetched. */
  readonly makeRoom?: (size_bytes: number) => Promise<void>;
}

/**
 * Fetches a build and makes it a model of the store: staged, verified, inspected, then published in one step. What is there already is not fetched.
 * Both of two processes that do so at once succeed, with one set of bytes.
 *
 * @throws DownloadError, ModelError `gguf_invalid`, ManifestError; the signal's reason
 */
export async function installBuild(build: WantedBuild, options: InstallOptions): Promise<LocalModel> {
  const layout = storeLayout(options);
  const staging = path.join(layout.staging, stagingName(build));
  const { transport, signal, onWait } = options;
  return withLock(`${staging}.lock`, { clock: transport.clock, signal, ...(onWait === undefined ? {} : { onWait }) }, async () => {
    const there = await findInstalled(build, options);
    if (there !== undefined) return there;
    await reuseFiles(staging, build.files, await createModelStore(options).listVersions(), signal);
    await options.makeRoom?.(build.files.reduce((sum, { size_bytes }) => sum + size_bytes, 0));
    const headers = { ...transport.headers, ...build.headers };
    const hashed = await downloadFiles(staging, build.files, { ...options, transport: { ...transport, headers } });
    const manifest = build.manifest ?? manifestOf(build, hashed, transport.clock.date());
    if (aggregateHash(hashed) !== manifest.aggregate_sha256) {
      await rm(staging, { recursive: true, force: true });
      throw new DownloadError("hash_mismatch", "the files together are not what the manifest says");
    }
    const info = await infoOf(build, manifest, staging);
    await writeFile(path.join(staging, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 });
    const record: ModelRecord = {
      schema_version: 1,
      ...{ info, manifest, directory: ".", origin: build.origin, pinned: options.isPinned },
      imported_at: transport.clock.date().toISOString(),
    };
    await writeFile(path.join(staging, recordFile), `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
    await publishFolder(layout, staging, path.join(layout.root, manifestPrefix(manifest.model_id, manifest.version)));
    const model = await findInstalled(build, options);
    if (model === undefined) throw new ModelError("not_here", build.id);
    return model;
  });
}

/** The build, if the store has these very files, each of its size; contents are verified before every load. */
async function findInstalled(build: WantedBuild, { home, modelsDirectory }: InstallOptions): Promise<LocalModel | undefined> {
  const versions = await createModelStore({ home, modelsDirectory }).listVersions();
  const isWanted = ({ info, manifest, origin }: LocalModel): boolean =>
    build.manifest === undefined
      ? info.id === build.id && JSON.stringify(origin) === JSON.stringify(build.origin)
      : manifest.aggregate_sha256 === build.manifest.aggregate_sha256 && info.id === build.id;
  for (const model of versions.filter(isWanted)) {
    if (await hasFiles(model)) return model;
  }
  return undefined;
}

async function hasFiles({ manifest, directory }: LocalModel): Promise<boolean> {
  for (const file of manifest.files) {
    const found = await stat(path.join(directory, file.path)).catch(() => undefined);
    if (found?.size !== file.size_bytes) return false;
  }
  return true;
}

/** One folder for a version, wherever it is fetched from, so that any process goes on with what another has left. */
function stagingName({ id, manifest, files }: WantedBuild): string {
  if (manifest !== undefined) return manifest.prefix.replaceAll("/", "__");
  const about = files.map(({ path: name, size_bytes, urls }) => [name, size_bytes, urls]);
  return `${id.replaceAll("/", "-")}--${createHash("sha256").update(JSON.stringify(about)).digest("hex").slice(0, 16)}`;
}

/** A build of no catalogue is named after its contents. */
function manifestOf({ id, files }: WantedBuild, hashed: readonly { path: string; sha256: string }[], createdAt: Date): Manifest {
  const described = files.map(({ path: name, size_bytes }): ManifestFile => {
    const sha256 = hashed.find((file) => file.path === name)?.sha256 ?? "";
    return { path: name, size_bytes, sha256, role: manifestFileRole(name) ?? "other" };
  });
  return createManifest({ modelId: id, version: versionOf(hashed), files: described, createdAt });
}

export function versionOf(hashed: readonly { path: string; sha256: string }[]): string {
  return `sha256-${aggregateHash(hashed).slice(0, 16)}`;
}

async function infoOf(build: WantedBuild, manifest: Manifest, directory: string): Promise<ModelInfo> {
  const weight = manifest.files.find(({ role, path: name }) => role === "weight" && /\.gguf$/i.test(name));
  if (weight === undefined) throw new ModelError("gguf_invalid", `${build.id} has no GGUF file`);
  try {
    const found = await inspectGgufFile(path.join(directory, weight.path));
    return build.entry === undefined ? infoFromGguf(build.id, manifest.aggregate_sha256, found) : infoFromEntry(build.entry, manifest);
  } catch (cause) {
    if (!(cause instanceof GgufError)) throw cause;
    // It is as it was published, so fetching it again would not help.
    await rm(directory, { recursive: true, force: true });
    throw new ModelError("gguf_invalid", `${weight.path} (${cause.message})`, { cause });
  }
}

function infoFromEntry(entry: CatalogEntry, manifest: Manifest): ModelInfo {
  const known = modelInfo.shape.capabilities.unwrap().element;
  return {
    id: entry.id,
    size_bytes: manifest.total_size_bytes,
    format: "gguf",
    quantization: entry.quantization,
    context_length: entry.max_context_length,
    weight_hash: manifest.aggregate_sha256,
    capabilities: entry.capabilities.flatMap((name) => known.safeParse(name).data ?? []),
  };
}
