import { type BuildRow, catalogRepository, priceRepository, type Tx, type VersionRow } from "../../store/index.js";
import { CatalogError } from "../catalog-error.js";
import { metadata, runtimeParameters } from "../schemas.js";
import type { BuildStatus, Prices, Properties, PropertyChange } from "../types.js";
import { checked } from "./check.js";
import { type By, recorded } from "./recorded.js";

/** @throws CatalogError `build_in_use` for retiring a build without which a name would stand for nothing */
export async function setStatus(tx: Tx, id: string, status: BuildStatus, by: By): Promise<void> {
  const model = await existing(tx, id);
  if (status === "retired") await refuseInUse(tx, id);
  await changeModel(tx, model, { status }, "model.status", by);
  await keepDeprecatedAt(tx, { ...model, status }, by);
}

export async function setDeprecationDate(tx: Tx, id: string, deprecationDate: string | null, by: By): Promise<void> {
  const model = await existing(tx, id);
  await changeModel(tx, model, { deprecationDate }, "model.deprecation", by);
  await keepDeprecatedAt(tx, { ...model, deprecationDate }, by);
}

/** Of the build as it is in service; the next promotion brings those of its version. */
export async function setCapabilities(tx: Tx, id: string, capabilities: string[], by: By): Promise<void> {
  await changeModel(tx, await existing(tx, id), { capabilities }, "model.capabilities", by);
}

/** Of the build as it is in service; the next promotion brings those of its version. @returns all of them afterwards */
export async function setRuntimeParameters(tx: Tx, id: string, change: PropertyChange, by: By): Promise<Properties> {
  const model = await existing(tx, id);
  const next = merged(runtimeParameters, model.runtimeParameters, change, "runtimeParameters");
  await changeModel(tx, model, { runtimeParameters: next }, "model.runtime_parameters", by);
  return next;
}

/** @returns all of it afterwards */
export async function setMetadata(tx: Tx, id: string, change: PropertyChange, by: By): Promise<Properties> {
  const model = await existing(tx, id);
  const next = merged(metadata, model.metadata, change, "metadata");
  await changeModel(tx, model, { metadata: next }, "model.metadata", by);
  return next;
}

export async function setPrices(tx: Tx, id: string, prices: Prices, by: By): Promise<void> {
  await existing(tx, id);
  const before = await priceRepository.ofModel(tx, id);
  await priceRepository.set(tx, id, prices, by);
  await recorded(tx, by, { action: "model.price", target: id, before, after: prices });
}

export async function revoke(
  tx: Tx,
  name: { readonly id: string; readonly version: string; readonly reason: string },
  by: By,
): Promise<void> {
  const { id, version, reason } = name;
  const row = await existingVersion(tx, id, version);
  if (row.revokedAt !== null) return;
  const weightHash = row.aggregateSha256;
  // Files that are not to be trusted are not, whatever they are called.
  for (const twin of await catalogRepository.twins(tx, weightHash)) {
    if (twin.revokedAt !== null) continue;
    await catalogRepository.updateVersion(tx, twin.id, { revokedAt: by.at, revokedReason: reason });
    await recorded(tx, by, { action: "model.revoke", target: twin.modelId, after: { version: twin.version, weightHash, reason } });
  }
}

/** @throws CatalogError `version_used` for one that was ever in service */
export async function removeVersion(tx: Tx, { id, version }: { readonly id: string; readonly version: string }, by: By): Promise<void> {
  const row = await existingVersion(tx, id, version);
  const used = await catalogRepository.activations(tx, id);
  if (used.some(({ versionId }) => versionId === row.id)) throw new CatalogError("version_used", "version");
  await catalogRepository.removeVersion(tx, row.id);
  await recorded(tx, by, { action: "model.remove_version", target: id, before: { version, weightHash: row.aggregateSha256 } });
}

/** A version that is being read is ready, or not what it says. */
export async function verified(
  tx: Tx,
  { id, version, problem }: { readonly id: string; readonly version: string; readonly problem: string | undefined },
  by: By,
): Promise<void> {
  const row = await catalogRepository.findVersion(tx, id, version);
  // It may be gone meanwhile, or another coordinator may have been quicker.
  if (row?.verification !== "verifying") return;
  const verification = problem === undefined ? "ready" : "failed";
  await catalogRepository.updateVersion(tx, row.id, { verification, verificationProblem: problem ?? null });
  await recorded(tx, by, { action: "model.verify", target: id, after: { version, verification, problem: problem ?? null } });
}

function merged<Schema extends typeof runtimeParameters>(
  schema: Schema,
  stored: unknown,
  change: PropertyChange,
  field: string,
): Properties {
  const all = { ...schema.parse(stored), ...change };
  return checked(schema, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)), field);
}

/** Since when a build is deprecated follows from how it stands: the first word of it counts, until all are taken back. */
async function keepDeprecatedAt(tx: Tx, { id, status, deprecationDate, deprecatedAt }: BuildRow, by: By): Promise<void> {
  const isDeprecated = status === "deprecated" || deprecationDate !== null;
  if (isDeprecated === (deprecatedAt !== null)) return;
  await catalogRepository.updateModel(tx, id, { deprecatedAt: isDeprecated ? by.at : null }, by.at);
}

async function changeModel(tx: Tx, model: BuildRow, change: Partial<BuildRow>, action: string, by: By): Promise<void> {
  const before = Object.fromEntries(Object.keys(change).map((key) => [key, model[key as keyof BuildRow]]));
  await catalogRepository.updateModel(tx, model.id, change, by.at);
  await recorded(tx, by, { action, target: model.id, before, after: change });
}

async function existing(tx: Tx, id: string): Promise<BuildRow> {
  const model = await catalogRepository.model(tx, id);
  if (model === undefined) throw new CatalogError("unknown_build", "id");
  return model;
}

async function existingVersion(tx: Tx, id: string, version: string): Promise<VersionRow> {
  await existing(tx, id);
  const row = await catalogRepository.findVersion(tx, id, version);
  if (row === undefined) throw new CatalogError("unknown_version", "version");
  return row;
}

async function refuseInUse(tx: Tx, id: string): Promise<void> {
  const { builds, aliases } = await catalogRepository.read(tx);
  const serves = (name: string | null): boolean => name !== id && builds.some(({ build }) => build.id === name);
  const orphan = aliases.find(({ desiredBuild, previousBuild }) => {
    const members = [desiredBuild, previousBuild];
    return members.includes(id) && !members.some(serves);
  });
  if (orphan !== undefined) throw new CatalogError("build_in_use", orphan.id);
}
