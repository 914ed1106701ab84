import {
  type CatalogEntry,
  type CatalogList,
  catalogKeys,
  catalogList,
  type DeviceKey,
  fileUrls,
  type Manifest,
  ManifestError,
  SignatureError,
  signedManifest,
  verifySignedManifest,
} from "@umbel/protocol";
import type { CatalogPins } from "./catalog-pins.js";
import { readJsonFrom } from "./read-json.js";
import { SourceError } from "./source-error.js";
import type { WantedBuild } from "./wanted-build.js";

export interface CatalogSource {
  /** @throws SourceError */
  list(signal: AbortSignal): Promise<CatalogList>;
  /**
   * What to fetch for a build, or for a name that stands for one.
   *
   * @throws SourceError
   */
  find(name: string, signal: AbortSignal): Promise<WantedBuild>;
}

/** A catalogue of a hundred thousand builds. */
const PAGES_max = 100;
const READINGS_max = 3;

/** The catalogue of a coordinator. What it names is believed only as far as its pinned key has signed it. */
export function createCatalogSource(options: {
  /** As the provider connects to it: `https://…` or `wss://…`. */
  readonly coordinatorUrl: string;
  readonly pins: CatalogPins;
  readonly fetch: typeof fetch;
  /** Where files are looked for before the places that the manifest names. */
  readonly mirror?: string | undefined;
}): CatalogSource {
  const base = apiOf(options.coordinatorUrl);
  const read = async (pathname: string, signal: AbortSignal): Promise<unknown> =>
    (await readJsonFrom(`${base}${pathname}`, options.fetch, signal)).body;

  async function page(after: string | undefined, signal: AbortSignal): Promise<CatalogList> {
    const further = after === undefined ? "" : `&after=${encodeURIComponent(after)}`;
    const parsed = catalogList.safeParse(await read(`/v1/models/catalog?include_aliases=1${further}`, signal));
    if (!parsed.success)
      throw new SourceError("malformed", "the catalogue is not of a form that this version reads", { cause: parsed.error });
    return parsed.data;
  }

  /** All pages of one revision: a catalogue that changes meanwhile is read once more. */
  async function list(signal: AbortSignal): Promise<CatalogList> {
    for (let reading = 1; ; reading++) {
      const pages = [await page(undefined, signal)];
      for (let next = pages[0]?.next; next; next = pages.at(-1)?.next) {
        if (pages.length === PAGES_max) throw new SourceError("malformed", `the catalogue has more than ${PAGES_max} pages`);
        pages.push(await page(next, signal));
      }
      const [first = { revision: 0, models: [], withdrawn: [] }] = pages;
      if (reading < READINGS_max && pages.some(({ revision }) => revision !== first.revision)) continue;
      const { next: _next, ...about } = first;
      return { ...about, models: pages.flatMap(({ models }) => models), aliases: pages.flatMap(({ aliases = [] }) => aliases) };
    }
  }

  /** The owner has named it, so that plain http will do: hashes come from the signed manifest. */
  function mirrored(prefix: string, path: string): string[] {
    if (options.mirror === undefined) return [];
    const below = `${prefix}/${path}`.split("/").map(encodeURIComponent).join("/");
    return [`${options.mirror.replace(/\/+$/, "")}/${below}`];
  }

  async function keys(signal: AbortSignal): Promise<readonly DeviceKey[]> {
    return options.pins.keysOf(base, async () => {
      const parsed = catalogKeys.safeParse(await read("/v1/catalog/keys", signal));
      if (!parsed.success) throw new SourceError("malformed", "the catalogue's keys are not of a form that this version reads");
      return parsed.data.keys;
    });
  }

  return {
    list,
    async find(name, signal) {
      const { models, aliases = [], withdrawn } = await list(signal);
      const id = aliases.find((alias) => alias.id === name)?.primary_build ?? name;
      const entry = models.find((model) => model.id === id);
      if (entry === undefined) throw new SourceError("not_in_catalog", `the catalogue has no model "${name}"`);
      if (withdrawn.some(({ weight_hash }) => weight_hash === entry.weight_hash)) {
        throw new SourceError("withdrawn", `"${name}" was withdrawn from the catalogue`);
      }
      const value = await read(`/v1/models/catalog/manifest/${encodeURIComponent(id)}`, signal);
      const manifest = await verified(await keys(signal), value, entry);
      const { origins, file_urls } = signedManifest.parse(value);
      const placed = { prefix: manifest.prefix, origins, ...(file_urls === undefined ? {} : { file_urls }) };
      return {
        id,
        entry,
        manifest,
        origin: { kind: "catalog", coordinator: base },
        files: manifest.files.map((file) => ({
          ...file,
          urls: [...mirrored(manifest.prefix, file.path), ...fileUrls(placed, file.path, base)],
        })),
      };
    },
  };
}

async function verified(keys: readonly DeviceKey[], value: unknown, entry: CatalogEntry): Promise<Manifest> {
  try {
    const manifest = await verifySignedManifest(keys, value);
    if (manifest.model_id === entry.id && manifest.aggregate_sha256 === entry.weight_hash && manifest.version === entry.version)
      return manifest;
  } catch (cause) {
    if (cause instanceof SignatureError)
      throw new SourceError("signature_refused", "the manifest is not signed by the catalogue's pinned key", { cause });
    if (cause instanceof ManifestError)
      throw new SourceError("contradiction", `the manifest contradicts itself (${cause.code})`, { cause });
    throw cause;
  }
  throw new SourceError("contradiction", "the manifest is of another build or version than the catalogue names");
}

function apiOf(coordinatorUrl: string): string {
  const url = new URL(coordinatorUrl);
  url.protocol = url.protocol.replace(/^ws/, "http");
  return url.origin;
}
