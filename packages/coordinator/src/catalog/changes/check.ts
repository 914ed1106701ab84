import { ManifestError, validateManifest } from "@umbel/protocol";
import type { z } from "zod";
import { CatalogError } from "../catalog-error.js";
import { aliasFacts, buildFacts, fieldAtFault, fileSources, prices, rollout } from "../schemas.js";
import type { NewAlias, NewBuild, Rollout } from "../types.js";

/** The rules that a build can be held to by itself. Source: catalog.md §3 and §5. @throws CatalogError */
export function checkBuild(build: NewBuild): NewBuild {
  const facts = checked(buildFacts.extend({ prices }), build);
  const manifest = checkManifest(build.manifest);
  if (manifest.model_id !== build.id) throw new CatalogError("wrong_model_id", "id");
  if (manifest.aggregate_sha256 !== build.weightHash) throw new CatalogError("wrong_weight_hash", "weightHash");
  if (manifest.total_size_bytes !== build.size_bytes) throw new CatalogError("wrong_size", "size_bytes");
  const sources = build.sources === undefined ? {} : { sources: checked(fileSources, build.sources) };
  const listed = new Set(manifest.files.map(({ path }) => path));
  const stray = Object.keys(sources.sources?.fileUrls ?? {}).find((path) => !listed.has(path));
  if (stray !== undefined) throw new CatalogError("invalid_field", `fileUrls.${stray}`);
  return { ...facts, weightHash: build.weightHash, size_bytes: build.size_bytes, manifest, ...sources };
}

/** The rules that an alias can be held to by itself. Source: catalog.md §8.1. @throws CatalogError */
export function checkAlias(alias: NewAlias): void {
  const { id, displayName, desired, desiredVersion, previous, previousVersion, ...rest } = alias;
  checked(aliasFacts, { id, displayName });
  checked(rollout, rolloutOf(rest));
  if (previousVersion !== undefined && previous === undefined) throw new CatalogError("unknown_build", "previous");
  if (previous === desired && previousVersion === desiredVersion) throw new CatalogError("previous_is_desired", "previous");
}

/** Everything at once, unless it is said otherwise. */
export function rolloutOf({
  desiredShare_percent = 100,
  wave_percent = 100,
  minDesiredProviders = 1,
}: Pick<NewAlias, keyof Rollout>): Rollout {
  return { desiredShare_percent, wave_percent, minDesiredProviders };
}

/** @throws CatalogError `invalid_field` that names the first field that does not fit */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, field?: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new CatalogError("invalid_field", field ?? fieldAtFault(result.error));
}

function checkManifest(value: unknown) {
  try {
    return validateManifest(value);
  } catch (error) {
    if (error instanceof ManifestError) throw new CatalogError("manifest_invalid", "manifest", { cause: error });
    throw error;
  }
}
