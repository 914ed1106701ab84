import { isDeepStrictEqual } from "node:util";
import { catalogRepository, type Tx, type VersionRow } from "../../store/index.js";
import { CatalogError } from "../catalog-error.js";
import type { ChangedVersion, FactChanges, FileSources, NewBuild, RegisterOptions } from "../types.js";
import { changesOf, shownAfter, shownNow } from "./facts.js";
import { activate } from "./promote.js";
import { type By, recorded } from "./recorded.js";

const NO_SOURCES: FileSources = { origins: [], fileUrls: {} };

/**
 * Writes a checked version with its files; writes nothing if the catalogue holds exactly that already. A build that is new begins as a draft
 * of nothing that anybody sees.
 *
 * @param tx serializable, so that no alias of the same name appears meanwhile
 * @throws CatalogError
 */
export async function registerVersion(
  tx: Tx,
  build: NewBuild,
  { promote, verify = false }: RegisterOptions,
  by: By,
): Promise<ChangedVersion> {
  // What is not known to be sound is not put into service by the same word.
  if (promote && verify) throw new CatalogError("version_unverified", "promote");
  const names = await catalogRepository.aliases(tx);
  if (names.some(({ id, active, takeover }) => id === build.id && active && !takeover)) throw new CatalogError("name_taken", "id");
  await insertModel(tx, build, promote, by);
  const stored = await catalogRepository.findVersion(tx, build.id, build.manifest.version);
  const version = stored === undefined ? await insertVersion(tx, build, by) : await updateVersion(tx, stored, build, by);
  const active = (await catalogRepository.active(tx)).get(build.id);
  const isVerifying = version.verification === "verifying" || (verify && active !== version.id);
  if (isVerifying) await catalogRepository.updateVersion(tx, version.id, { verification: "verifying", verificationProblem: null });
  const changes = active === undefined ? {} : await changesAgainstLive(tx, version);
  const isUnchanged = active === version.id && Object.keys(changes).length === 0;
  if (promote && !isUnchanged) await activate(tx, version, "model.promote", by);
  return { version: version.version, isActive: promote || active === version.id, isVerifying, changes };
}

async function insertModel(tx: Tx, build: NewBuild, promote: boolean, { at }: By): Promise<void> {
  if ((await catalogRepository.model(tx, build.id)) !== undefined) return;
  // What a promotion writes once more: a build without a version in service is in no list.
  const status = promote ? "active" : "beta";
  await catalogRepository.insertModel(tx, { id: build.id, ...factsOf(build), status }, at);
}

async function insertVersion(tx: Tx, build: NewBuild, by: By): Promise<VersionRow> {
  const { version, prefix, aggregate_sha256, total_size_bytes, file_count, created_at, files } = build.manifest;
  const row = await catalogRepository.insertVersion(
    tx,
    {
      modelId: build.id,
      version,
      prefix,
      aggregateSha256: aggregate_sha256,
      totalSize_bytes: total_size_bytes,
      fileCount: file_count,
      manifestCreatedAt: created_at,
      registeredBy: by.actor,
      createdAt: by.at,
      ...describedBy(build),
    },
    files.map((file, position) => ({ ...file, parts: file.parts ?? null, position })),
  );
  await recorded(tx, by, {
    action: "model.register",
    target: build.id,
    after: { version, weightHash: build.weightHash, ...describedBy(build) },
  });
  return row;
}

/** The files of a version never change; what describes it may, and counts from its next promotion on. */
async function updateVersion(tx: Tx, stored: VersionRow, build: NewBuild, by: By): Promise<VersionRow> {
  if (stored.aggregateSha256 !== build.weightHash) throw new CatalogError("version_conflict", "manifest.version");
  if (stored.revokedAt !== null) throw new CatalogError("version_revoked", "manifest.version");
  const { facts, input_microUsd, output_microUsd, origins, fileUrls } = stored;
  const before = { facts, input_microUsd, output_microUsd, origins, fileUrls };
  const after = describedBy(build);
  if (isDeepStrictEqual(before, after)) return stored;
  await catalogRepository.updateVersion(tx, stored.id, after);
  await recorded(tx, by, { action: "model.describe", target: build.id, before: { version: stored.version, ...before }, after });
  return { ...stored, ...after };
}

function describedBy(build: NewBuild) {
  const { origins, fileUrls } = build.sources ?? NO_SOURCES;
  return { facts: factsOf(build), ...build.prices, origins: [...origins], fileUrls };
}

function factsOf({
  id: _id,
  manifest: _manifest,
  weightHash: _hash,
  size_bytes: _size,
  prices: _prices,
  sources: _sources,
  ...facts
}: NewBuild) {
  return { ...facts, capabilities: [...facts.capabilities] };
}

async function changesAgainstLive(tx: Tx, version: VersionRow): Promise<FactChanges> {
  const model = await catalogRepository.model(tx, version.modelId);
  const live = model && (await shownNow(tx, model));
  return model === undefined || live === undefined ? {} : changesOf(live, shownAfter(version, model));
}
