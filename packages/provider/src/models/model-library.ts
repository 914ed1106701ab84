import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { aggregateHash, type CatalogList, type Clock, createManifest, type ManifestFile } from "@umbel/protocol";
import { makeDiskRoom } from "./disk/disk-budget.js";
import type { StorePlace } from "./disk/store-layout.js";
import { createBandwidth, unlimitedBandwidth } from "./download/bandwidth.js";
import type { DownloadProgress } from "./download/download-files.js";
import type { Transport } from "./download/fetch-range.js";
import { hashFile } from "./download/hash-file.js";
import { DOWNLOAD_LIMITS } from "./download/limits.js";
import { GgufError } from "./gguf/gguf-error.js";
import { inspectGgufFile } from "./gguf/inspect-gguf.js";
import { infoFromGguf } from "./gguf-info.js";
import { installBuild, versionOf } from "./install-build.js";
import { ModelError } from "./model-error.js";
import { createModelStore, type LocalModel, type ModelStore } from "./model-store.js";
import { buildName } from "./sources/build-name.js";
import { createCatalogPins } from "./sources/catalog-pins.js";
import { createCatalogSource } from "./sources/catalog-source.js";
import { findOnHuggingFace, HUGGING_FACE_URL } from "./sources/hugging-face-source.js";
import { parseModelReference } from "./sources/model-reference.js";
import { findAtUrl } from "./sources/url-source.js";
import type { WantedBuild } from "./sources/wanted-build.js";

export interface LibraryOptions extends StorePlace {
  /** Whose catalogue plain names belong to. */
  readonly coordinatorUrl: string;
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
  /** Where files of catalogue builds are looked for first, as `<mirror>/<prefix>/<path>`: a machine near by, whose word nobody takes. */
  readonly mirror?: string;
  /** Thumbprint of the only key whose manifests are accepted; absent is the first one seen. */
  readonly catalogKey?: string;
  /** Hub that speaks as huggingface.co does. Default: that one. */
  readonly huggingFaceUrl?: string;
  readonly huggingFaceToken?: string;
  /** What models in the store may take together. */
  readonly disk_bytes_max?: number;
  /** What downloads may take together. Absent is all there is. */
  readonly bandwidth_bytes_per_s?: number;
}

export interface FetchModelOptions {
  readonly signal: AbortSignal;
  /** For the model's owner: several connections, and kept however full the disk is. In the background: one, and what has not been used may go for it. */
  readonly mode: "owner" | "background";
  /** Id under which a model of no catalogue is kept. */
  readonly id?: string;
  /** What a file at an address is to be. */
  readonly sha256?: string;
  /** Builds that are not removed to make room. */
  readonly keep?: ReadonlySet<string>;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly onWait?: () => void;
}

/** Every model that this machine has or could have. */
export interface ModelLibrary {
  readonly store: ModelStore;
  /** @throws SourceError */
  catalog(signal: AbortSignal): Promise<CatalogList>;
  /**
   * Brings a model here: from the catalogue by name, from a Hugging Face repository, from an address; a file of this machine is taken in
   * where it lies. See `parseModelReference`.
   *
   * @throws SourceError, DownloadError, ModelError; the signal's reason
   */
  fetchModel(reference: string, options: FetchModelOptions): Promise<LocalModel>;
}

export function createModelLibrary(options: LibraryOptions): ModelLibrary {
  const { home, modelsDirectory, clock, coordinatorUrl } = options;
  const fetchIt = options.fetch ?? fetch;
  const rate = options.bandwidth_bytes_per_s;
  const transport: Transport = { fetch: fetchIt, clock, bandwidth: rate === undefined ? unlimitedBandwidth : createBandwidth(rate, clock) };
  const store = createModelStore({ home, modelsDirectory, now: () => clock.date() });
  const pins = createCatalogPins({ home, ...(options.catalogKey === undefined ? {} : { named: options.catalogKey }) });
  const catalogSource = createCatalogSource({ coordinatorUrl, pins, fetch: fetchIt, mirror: options.mirror });

  async function find(
    reference: Exclude<ReturnType<typeof parseModelReference>, { kind: "file" }>,
    wanted: FetchModelOptions,
  ): Promise<WantedBuild> {
    if (reference.kind === "catalog") return catalogSource.find(reference.name, wanted.signal);
    if (reference.kind === "url") return findAtUrl(reference.url, wanted.sha256, transport, wanted.signal);
    const { huggingFaceUrl: baseUrl = HUGGING_FACE_URL, huggingFaceToken: token } = options;
    return findOnHuggingFace(reference, { fetch: fetchIt, baseUrl, ...(token === undefined ? {} : { token }) }, wanted.signal);
  }

  return {
    store,
    catalog: (signal) => catalogSource.list(signal),
    async fetchModel(text, wanted) {
      const reference = parseModelReference(text);
      if (reference.kind === "file") return referToFile(store, path.resolve(reference.path), wanted, clock);
      const found = await find(reference, wanted);
      // The catalogue's ids are not the owner's to choose.
      const build = wanted.id === undefined || found.manifest !== undefined ? found : { ...found, id: wanted.id };
      const keep = new Set([...(wanted.keep ?? []), build.id]);
      const budget = {
        home,
        modelsDirectory,
        store,
        keep,
        ...(options.disk_bytes_max === undefined ? {} : { disk_bytes_max: options.disk_bytes_max }),
      };
      const isBudgeted = wanted.mode === "background" || options.disk_bytes_max !== undefined;
      return installBuild(build, {
        ...{ home, modelsDirectory, transport, signal: wanted.signal, isPinned: wanted.mode === "owner" },
        connections: wanted.mode === "owner" ? DOWNLOAD_LIMITS.foregroundConnections : DOWNLOAD_LIMITS.backgroundConnections,
        ...(wanted.onProgress === undefined ? {} : { onProgress: wanted.onProgress }),
        ...(wanted.onWait === undefined ? {} : { onWait: wanted.onWait }),
        ...(isBudgeted ? { makeRoom: async (size_bytes: number) => void (await makeDiskRoom(size_bytes, budget)) } : {}),
      });
    },
  };
}

/** A file of this machine becomes a model where it lies; a folder with a manifest is imported as it is. */
async function referToFile(store: ModelStore, file: string, { id, signal }: FetchModelOptions, clock: Clock): Promise<LocalModel> {
  if ((await stat(file).catch(() => undefined))?.isDirectory()) {
    const names: readonly string[] = await readdir(file);
    if (names.includes("manifest.json")) return store.importModel(file);
    throw new ModelError("manifest_missing", file);
  }
  const directory = path.dirname(file);
  try {
    const found = await inspectGgufFile(file);
    const files: ManifestFile[] = [];
    for (const name of found.files) {
      const { size } = await stat(path.join(directory, name));
      files.push({ path: name, size_bytes: size, sha256: await hashFile(path.join(directory, name), signal), role: "weight" });
    }
    const modelId = id ?? buildName(file);
    const manifest = createManifest({ modelId, version: versionOf(files), files, createdAt: clock.date() });
    return await store.refer({ info: infoFromGguf(modelId, aggregateHash(files), found), manifest, directory });
  } catch (cause) {
    if (!(cause instanceof GgufError)) throw cause;
    throw new ModelError(cause.code === "unreadable" ? "file_missing" : "gguf_invalid", `${file} (${cause.message})`, { cause });
  }
}
