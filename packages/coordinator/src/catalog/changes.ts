import { isDeepStrictEqual } from "node:util";
import { ManifestError, validateManifest } from "@umbel/protocol";
import { catalogRepository, priceRepository, type Tx } from "../store/index.js";
import { CatalogError } from "./catalog-error.js";
import { aliasFacts, buildFacts, fieldAtFault, prices } from "./schemas.js";
import { toBuildRecord } from "./snapshot.js";
import type { NewAlias, NewBuild } from "./types.js";

/** The rules that a build can be held to by itself. Source: catalog.md §3 and §5. @throws CatalogError */
export function checkBuild(build: NewBuild): NewBuild {
  const facts = buildFacts.extend({ prices }).safeParse(build);
  if (!facts.success) throw new CatalogError("invalid_field", fieldAtFault(facts.error));
  const manifest = checkManifest(build.manifest);
  if (manifest.model_id !== build.id) throw new CatalogError("wrong_model_id", "id");
  if (manifest.aggregate_sha256 !== build.weightHash) throw new CatalogError("wrong_weight_hash", "weightHash");
  if (manifest.total_size_bytes !== build.size_bytes) throw new CatalogError("wrong_size", "size_bytes");
  return { ...facts.data, weightHash: build.weightHash, size_bytes: build.size_bytes, manifest };
}

/** The rules that an alias can be held to by itself. Source: catalog.md §8.1. @throws CatalogError */
export function checkAlias({ id, displayName, desired, previous }: NewAlias): void {
  const facts = aliasFacts.safeParse({ id, displayName });
  if (!facts.success) throw new CatalogError("invalid_field", fieldAtFault(facts.error));
  if (desired === id) throw new CatalogError("alias_is_itself", "desired");
  if (previous === id) throw new CatalogError("alias_is_itself", "previous");
  if (previous === desired) throw new CatalogError("previous_is_desired", "previous");
}

/**
 * Writes a checked build with version, files and price; writes nothing if the catalogue holds exactly that already.
 *
 * @param tx serializable, so that no alias of the same name appears meanwhile
 * @throws CatalogError
 */
export async function writeBuild(tx: Tx, build: NewBuild, at: Date): Promise<void> {
  const held = await catalogRepository.read(tx);
  if (held.aliases.some((alias) => alias.id === build.id)) throw new CatalogError("name_taken", "id");
  const row = held.builds.find((candidate) => candidate.build.id === build.id);
  if (row) {
    const { createdAt, ...current } = toBuildRecord(row);
    if (isDeepStrictEqual(current, build)) return;
  }
  const { manifest, prices: listPrices, weightHash, size_bytes, ...facts } = build;
  await catalogRepository.upsertBuild(tx, { ...facts, capabilities: [...facts.capabilities] }, at);
  await catalogRepository.activate(tx, build.id, await writeVersion(tx, build), at);
  await priceRepository.set(tx, build.id, listPrices, at);
}

async function writeVersion(tx: Tx, { id, manifest, weightHash, size_bytes }: NewBuild): Promise<bigint> {
  const stored = await catalogRepository.findVersion(tx, id, manifest.version);
  if (stored && stored.aggregateSha256 !== weightHash) throw new CatalogError("version_conflict", "manifest.version");
  if (stored) return stored.id;
  const { version, prefix, file_count, created_at, files } = manifest;
  return catalogRepository.insertVersion(
    tx,
    {
      modelId: id,
      version,
      prefix,
      aggregateSha256: weightHash,
      totalSize_bytes: size_bytes,
      fileCount: file_count,
      manifestCreatedAt: created_at,
    },
    files.map((file, position) => ({ ...file, position })),
  );
}

/**
 * Writes a checked alias.
 *
 * @param tx serializable, so that no build of the same name appears meanwhile
 * @throws CatalogError
 */
export async function writeAlias(tx: Tx, alias: NewAlias, at: Date): Promise<void> {
  const { id, displayName, desired, previous } = alias;
  const held = await catalogRepository.read(tx);
  const isBuild = (name: string): boolean => held.builds.some(({ build }) => build.id === name);
  if (isBuild(id)) throw new CatalogError("name_taken", "id");
  if (!isBuild(desired)) throw new CatalogError("unknown_build", "desired");
  if (previous !== undefined && !isBuild(previous)) throw new CatalogError("unknown_build", "previous");
  await catalogRepository.upsertAlias(tx, { id, displayName, desiredBuild: desired, previousBuild: previous ?? null }, at);
}

function checkManifest(value: unknown) {
  try {
    return validateManifest(value);
  } catch (error) {
    if (error instanceof ManifestError) throw new CatalogError("manifest_invalid", "manifest", { cause: error });
    throw error;
  }
}
