import { catalogRepository, priceRepository, type Tx, type VersionRow } from "../../store/index.js";
import { CatalogError } from "../catalog-error.js";
import type { ChangedVersion, FactChanges } from "../types.js";
import { changesOf, shownAfter, shownNow } from "./facts.js";
import { type By, recorded } from "./recorded.js";

/**
 * Puts a version into service, with what describes it and its price.
 *
 * @param version absent is the latest that was registered
 * @throws CatalogError
 */
export async function promote(
  tx: Tx,
  { id, version }: { readonly id: string; readonly version: string | undefined },
  by: By,
): Promise<ChangedVersion> {
  const model = await catalogRepository.model(tx, id);
  if (model === undefined) throw new CatalogError("unknown_build", "id");
  const candidates = await catalogRepository.versions(tx, id);
  const chosen = candidates.find((row) => (version === undefined ? row.revokedAt === null : row.version === version));
  if (chosen === undefined) throw new CatalogError("unknown_version", "version");
  if (chosen.revokedAt !== null) throw new CatalogError("version_revoked", "version");
  return { version: chosen.version, isActive: true, isVerifying: false, changes: await activate(tx, chosen, "model.promote", by) };
}

/** Puts the version into service that was there before the present one. @throws CatalogError */
export async function rollback(tx: Tx, id: string, by: By): Promise<ChangedVersion> {
  if ((await catalogRepository.model(tx, id)) === undefined) throw new CatalogError("unknown_build", "id");
  const active = (await catalogRepository.active(tx)).get(id);
  const versions = new Map((await catalogRepository.versions(tx, id)).map((row) => [row.id, row]));
  const [present, ...earlier] = (await catalogRepository.activations(tx, id)).map(({ versionId }) => versions.get(versionId));
  const before = earlier.find((row) => row !== undefined && row.id !== (active ?? present?.id) && row.revokedAt === null);
  if (before === undefined) throw new CatalogError("nothing_before", "id");
  return { version: before.version, isActive: true, isVerifying: false, changes: await activate(tx, before, "model.rollback", by) };
}

/** @returns what consumers see of it otherwise than before. @throws CatalogError `version_unverified` */
export async function activate(tx: Tx, version: VersionRow, action: string, by: By): Promise<FactChanges> {
  const id = version.modelId;
  if (version.verification !== "ready") throw new CatalogError("version_unverified", "version");
  const model = await catalogRepository.model(tx, id);
  if (model === undefined) throw new CatalogError("unknown_build", "id");
  const wasActive = (await catalogRepository.active(tx)).get(id);
  const live = wasActive === undefined ? undefined : await shownNow(tx, model);
  const next = shownAfter(version, model);
  const { prices, ...facts } = next;
  const { defaults, capabilities, ...rest } = facts;
  await catalogRepository.updateModel(tx, id, { ...rest, defaults, capabilities: [...capabilities] }, by.at);
  await priceRepository.set(tx, id, prices, by);
  await catalogRepository.activate(tx, id, version.id, by);
  const former = (await catalogRepository.versions(tx, id)).find((row) => row.id === wasActive);
  const changes = live === undefined ? {} : changesOf(live, next);
  await recorded(tx, by, {
    action,
    target: id,
    before: { version: former?.version ?? null },
    after: { version: version.version, weightHash: version.aggregateSha256, changes },
  });
  return changes;
}
