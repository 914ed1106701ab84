import { z } from "zod";
import { WIRE_LIMITS } from "../limits.js";
import { manifest } from "../manifest/schema.js";
import { count, deviceKey, sha256Hex, shortText, timestamp } from "../messages/common.js";

const properties = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** One build of the catalogue, as machines read it to choose what to fetch. Source: catalog.md §12. */
export const catalogEntry = z.object({
  id: shortText,
  display_name: shortText,
  model_type: shortText.describe("`text` or `embedding`."),
  family: shortText,
  architecture: shortText,
  quantization: shortText.describe("As the files call it."),
  description: z.string(),
  license: shortText,
  capabilities: z.array(z.string()),
  max_context_length: count,
  max_output_length: count,
  weight_hash: sha256Hex.describe("Hash over the hashes of all files."),
  version: shortText,
  prefix: z.string().describe("Where the files are below each origin: derived from id and version."),
  total_size_bytes: count,
  size_gb: z.number(),
  file_count: count,
  kv_bytes_per_token: count,
  min_ram_gb: count.describe("A hint for people; a machine computes its own fit."),
  memory: z
    .object({
      resident_bytes: count,
      min_ram_gb: z.number(),
      min_vram_gb: z.number(),
      active_bytes: count.optional().describe("Weights that are read for each token; all of them where it does not say."),
    })
    .nullable()
    .optional()
    .describe("What it takes once loaded, without cache; and GiB of a machine, and of a graphics card, that could just hold it."),
  file_facts: z
    .object({
      parameter_count: count,
      active_parameter_count: count.optional().describe("Of them, those that a token goes through, where these are fewer."),
      train_context_length: count.optional(),
      chat_template_sha256: sha256Hex.optional(),
      projector: z.string().optional().describe("Path of the file that lets it see."),
    })
    .nullable()
    .optional()
    .describe("What its files say of themselves."),
  runtime_parameters: properties.optional().describe("Go with requests for it."),
  metadata: properties.optional().describe("What other lists are told of it."),
  status: shortText.describe("`beta`, `active` or `deprecated`."),
  deprecation_date: z.iso.date().nullable().describe("Day on which it is to be retired."),
  input_price: count.describe("Millionths of a dollar for a million tokens."),
  output_price: count,
  created: z.int(),
});
export type CatalogEntry = z.infer<typeof catalogEntry>;

/** A name that stands for builds. */
export const catalogAlias = z.object({
  id: shortText,
  display_name: shortText,
  desired_build: shortText,
  previous_build: shortText.nullable(),
  retired_builds: z.array(shortText).describe("Builds that the name stood for before, the latest first."),
  primary_build: shortText.describe("The one to fetch: the desired build, or the previous one where that is not in the catalogue."),
  desired_share: count.max(100).describe("Percentage of requests that prefer the desired build while the previous one can serve, too."),
});
export type CatalogAlias = z.infer<typeof catalogAlias>;

/** Files that no machine may serve any more, whatever build they belong to. */
export const withdrawnVersion = z.object({
  model_id: shortText,
  version: shortText,
  weight_hash: sha256Hex,
  reason: z.string(),
  withdrawn_at: timestamp,
});
export type WithdrawnVersion = z.infer<typeof withdrawnVersion>;

/** The answer of `GET /v1/models/catalog`. */
export const catalogList = z.object({
  revision: count.describe("Grows with every change of the catalogue; echoed in `desired_models`."),
  models: z.array(catalogEntry),
  aliases: z.array(catalogAlias).optional(),
  withdrawn: z.array(withdrawnVersion),
  next: shortText.nullable().optional().describe("For `after` of the next page; absent or null where there is none."),
});
export type CatalogList = z.infer<typeof catalogList>;

/** The answer of `GET /v1/catalog/keys`: who signs manifests. A machine pins the first one that it sees, or the one that its owner names. */
export const catalogKeys = z.object({
  keys: z
    .array(z.object({ kid: shortText.describe("RFC 7638 thumbprint."), jwk: deviceKey }))
    .min(1)
    .max(WIRE_LIMITS.catalogKeys_max),
});
export type CatalogKeys = z.infer<typeof catalogKeys>;

/** An address to fetch from: absolute, or a path at the coordinator that named it. */
const address = z.string().max(2048);

/** The answer of `GET /v1/models/catalog/manifest/{id}`. Where to fetch from is not signed: what is fetched is held to the hashes. */
export const signedManifest = manifest.extend({
  /** Compact JWS by a catalogue key over `manifestClaims`. */
  signature: z.string().max(WIRE_LIMITS.jws_bytes_max),
  /** Bases below which `<prefix>/<path>` is, the first to be tried first. */
  origins: z.array(address).max(WIRE_LIMITS.manifestOrigins_max),
  /** By a file's path: complete addresses, to be tried before the origins. */
  file_urls: z.record(z.string(), z.array(address).max(WIRE_LIMITS.manifestOrigins_max)).optional(),
});
export type SignedManifest = z.infer<typeof signedManifest>;
