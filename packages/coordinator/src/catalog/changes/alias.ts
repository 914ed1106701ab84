import { type AliasRow, catalogRepository, type Tx } from "../../store/index.js";
import { CatalogError } from "../catalog-error.js";
import { CATALOG_LIMITS } from "../schemas.js";
import type { NewAlias } from "../types.js";
import { rolloutOf } from "./check.js";
import { pinnedVersion } from "./pinned-version.js";
import { type By, recorded } from "./recorded.js";

/**
 * Writes a checked alias. What it stood for before becomes its lineage, also that of one that was deleted.
 *
 * @param tx serializable, so that no build of the same name appears meanwhile
 * @throws CatalogError
 */
export async function putAlias(tx: Tx, alias: NewAlias, by: By): Promise<void> {
  const { id, displayName } = alias;
  const stored = await catalogRepository.alias(tx, id);
  const { expectedUpdatedAt } = alias;
  if (expectedUpdatedAt !== undefined && expectedUpdatedAt.getTime() !== stored?.updatedAt.getTime()) {
    throw new CatalogError("changed_meanwhile", "id");
  }
  const isTakenOver = stored?.takeover === true && stored.active;
  const isBuild = (await catalogRepository.model(tx, id)) !== undefined;
  const itself = (["desired", "previous"] as const).find((field) => alias[field] === id);
  if (itself !== undefined && !isTakenOver && alias.takeover !== true) throw new CatalogError("alias_is_itself", itself);
  const takesOver = alias.takeover === true && [alias.desired, alias.previous].includes(id);
  if (isBuild && !isTakenOver && !takesOver) throw new CatalogError("name_taken", "id");
  const desired = await pinnedVersion(tx, { build: alias.desired, version: alias.desiredVersion, field: "desiredVersion" }, by);
  const previous =
    alias.previous && (await pinnedVersion(tx, { build: alias.previous, version: alias.previousVersion, field: "previousVersion" }, by));
  if (previous === desired) throw new CatalogError("previous_is_desired", "previous");
  await refuseUnknown(tx, { desired, previous });
  await write(
    tx,
    stored,
    {
      id,
      displayName,
      desiredBuild: desired,
      previousBuild: previous ?? null,
      ...rolloutOf(alias),
      active: true,
      takeover: isBuild,
    },
    "alias.set",
    by,
  );
}

/** @throws CatalogError */
export async function rollbackAlias(tx: Tx, id: string, by: By): Promise<void> {
  const stored = await existing(tx, id);
  const desired = stored.previousBuild ?? (await latestInService(tx, stored.retiredBuilds));
  if (desired === undefined) throw new CatalogError("nothing_before", "id");
  const previous = stored.desiredBuild;
  await refuseUnknown(tx, { desired, previous: undefined });
  const { displayName, takeover, active } = stored;
  const everybody = rolloutOf({});
  await write(
    tx,
    stored,
    { id, displayName, takeover, active, desiredBuild: desired, previousBuild: previous, ...everybody },
    "alias.rollback",
    by,
  );
}

/** Its row stays, with the lineage, for the day that the name comes back. @throws CatalogError */
export async function deleteAlias(tx: Tx, id: string, by: By): Promise<void> {
  const { createdAt: _created, updatedAt: _updated, ...stored } = await existing(tx, id);
  await catalogRepository.upsertAlias(tx, { ...stored, active: false }, by.at);
  await recorded(tx, by, { action: "alias.delete", target: id, before: stored });
}

async function write(
  tx: Tx,
  stored: AliasRow | undefined,
  next: Omit<AliasRow, "createdAt" | "updatedAt" | "retiredBuilds">,
  action: string,
  by: By,
) {
  const row = { ...next, retiredBuilds: lineage(stored, next) };
  await catalogRepository.upsertAlias(tx, row, by.at);
  const before = stored?.active === true ? shown(stored) : undefined;
  await recorded(tx, by, { action, target: next.id, before, after: shown(row) });
}

/** The latest first. Source: catalog.md §8.1. */
function lineage(stored: AliasRow | undefined, next: Pick<AliasRow, "desiredBuild" | "previousBuild">): string[] {
  if (stored === undefined) return [];
  const before = new Set([stored.desiredBuild, ...(stored.previousBuild === null ? [] : [stored.previousBuild]), ...stored.retiredBuilds]);
  before.delete(next.desiredBuild);
  if (next.previousBuild !== null) before.delete(next.previousBuild);
  return [...before].slice(0, CATALOG_LIMITS.retired);
}

function shown({
  displayName,
  desiredBuild,
  previousBuild,
  desiredShare_percent,
  wave_percent,
  minDesiredProviders,
}: Omit<AliasRow, "createdAt" | "updatedAt">) {
  return { displayName, desiredBuild, previousBuild, desiredShare_percent, wave_percent, minDesiredProviders };
}

async function existing(tx: Tx, id: string): Promise<AliasRow> {
  const stored = await catalogRepository.alias(tx, id);
  if (stored?.active !== true) throw new CatalogError("unknown_alias", "id");
  return stored;
}

async function latestInService(tx: Tx, retired: readonly string[]): Promise<string | undefined> {
  const { builds } = await catalogRepository.read(tx);
  return retired.find((id) => builds.some(({ build }) => build.id === id));
}

async function refuseUnknown(tx: Tx, members: { readonly desired: string; readonly previous: string | undefined }): Promise<void> {
  const { builds } = await catalogRepository.read(tx);
  for (const field of ["desired", "previous"] as const) {
    const id = members[field];
    if (id !== undefined && !builds.some(({ build }) => build.id === id)) throw new CatalogError("unknown_build", field);
  }
}
