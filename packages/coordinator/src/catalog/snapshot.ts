import { type Manifest, validateManifest } from "@umbel/protocol";
import type { ActiveBuild, AliasRow, CatalogRows } from "../store/index.js";
import { formerWeights } from "./former-weights.js";
import { buildFacts, buildStatus, fileSources, samplingDefaults } from "./schemas.js";
import type { AliasRecord, BuildRecord, FileSources, ResolvedModel, UnverifiedVersion, WithdrawnVersion } from "./types.js";

/** The whole catalogue at one moment. Replaced as one, so that nobody sees a new alias beside an old build. */
export interface Snapshot {
  readonly revision: number;
  readonly builds: readonly BuildRecord[];
  readonly buildOf: ReadonlyMap<string, BuildRecord>;
  readonly aliases: readonly AliasRecord[];
  readonly models: ReadonlyMap<string, ResolvedModel>;
  readonly withdrawn: readonly WithdrawnVersion[];
}

/** Before anything was read. */
export const EMPTY: Snapshot = toSnapshot({ revision: 0, builds: [], aliases: [], withdrawn: [], activations: [] }, new Date(0));

/**
 * @param graceSince weights that were in service after it are good enough, though replaced since
 * @param before what this one takes the place of: sets that are the same stay the same objects, which routing goes by
 * @throws ManifestError, ZodError when stored rows are not what was written
 */
export function toSnapshot(rows: CatalogRows, graceSince: Date, before?: Snapshot): Snapshot {
  const builds = withCompany(rows.builds.map(toBuildRecord)).map((build) => {
    const formerHashes = formerHashesOf(build.id, rows.activations, graceSince);
    if (formerHashes.length === 0) return build;
    const known = before?.buildOf.get(build.id)?.formerHashes;
    const isSame = known !== undefined && known.size === formerHashes.length && formerHashes.every((hash) => known.has(hash));
    return { ...build, formerHashes: isSame ? known : new Set(formerHashes) };
  });
  const buildOf = new Map(builds.map((build) => [build.id, build]));
  const aliases = rows.aliases.flatMap((row): AliasRecord[] => {
    const [desired, previous] = [row.desiredBuild, row.previousBuild ?? ""].flatMap((id) => buildOf.get(id) ?? []);
    // Of two builds of which one is not in service, the other is all that the name stands for.
    return desired === undefined ? [] : [{ ...factsOf(row), desired, previous }];
  });
  const models = new Map<string, ResolvedModel>();
  for (const build of builds) models.set(build.id, { publicName: build.id, build, previous: undefined });
  for (const { id, desired, previous, desiredShare_percent, wave_percent, minDesiredProviders } of aliases) {
    const rollout = { desiredShare_percent, wave_percent, minDesiredProviders };
    models.set(id, { publicName: id, build: desired, previous, rollout });
  }
  return { revision: rows.revision, builds, buildOf, aliases, models, withdrawn: rows.withdrawn.map(toWithdrawn) };
}

function factsOf(row: AliasRow): Omit<AliasRecord, "desired" | "previous"> {
  const { id, displayName, retiredBuilds, desiredShare_percent, wave_percent, minDesiredProviders, updatedAt } = row;
  return { id, displayName, retired: retiredBuilds, desiredShare_percent, wave_percent, minDesiredProviders, updatedAt };
}

function toWithdrawn({ version, retiredAt }: CatalogRows["withdrawn"][number]): WithdrawnVersion {
  const { modelId, revokedAt, revokedReason, aggregateSha256: weightHash } = version;
  const common = { modelId, version: version.version, weightHash };
  if (revokedAt !== null) return { ...common, kind: "revoked", reason: revokedReason ?? "", at: revokedAt };
  return { ...common, kind: "retired", reason: "the build is retired", at: retiredAt ?? version.createdAt };
}

const { isolation, memory, fileFacts, runtimeParameters, metadata } = buildFacts.shape;
const inService = buildStatus.exclude(["retired"]);

/** Names to each dedicated build the others of its family, which may be on the same machines. */
function withCompany(builds: readonly BuildRecord[]): readonly BuildRecord[] {
  const families = new Map<string, Set<string>>();
  for (const { id, family, isolation: kind } of builds) {
    if (kind === "dedicated") families.set(family, (families.get(family) ?? new Set()).add(id));
  }
  return builds.map((build) => {
    const dedicated = build.isolation === "dedicated" ? families.get(build.family) : undefined;
    return dedicated === undefined ? build : { ...build, dedicated };
  });
}

function formerHashesOf(build: string, all: CatalogRows["activations"], since: Date): readonly string[] {
  const activations = all
    .filter(({ modelId }) => modelId === build)
    .map(({ version: { id, aggregateSha256, revokedAt }, activatedAt }) => ({
      ...{ version: id, weightHash: aggregateSha256, at: activatedAt },
      isRevoked: revokedAt !== null,
    }));
  return formerWeights(activations, since);
}

export function toBuildRecord(row: ActiveBuild): BuildRecord {
  const { updatedAt, defaults, ...facts } = row.build;
  const manifest = toManifest(row);
  return {
    ...facts,
    status: inService.parse(row.build.status),
    defaults: samplingDefaults.parse(defaults),
    isolation: isolation.parse(row.build.isolation),
    memory: memory.parse(row.build.memory),
    fileFacts: fileFacts.parse(row.build.fileFacts),
    runtimeParameters: runtimeParameters.parse(row.build.runtimeParameters),
    metadata: metadata.parse(row.build.metadata),
    prices: { input_microUsd: row.input_microUsd, output_microUsd: row.output_microUsd },
    weightHash: manifest.aggregate_sha256,
    size_bytes: manifest.total_size_bytes,
    manifest,
    sources: sourcesOf(row.version),
  };
}

export function toUnverified({ version, files }: Pick<ActiveBuild, "version" | "files">): UnverifiedVersion {
  return { manifest: toManifest({ version, files }), sources: sourcesOf(version) };
}

function sourcesOf({ origins, fileUrls }: ActiveBuild["version"]): FileSources {
  return fileSources.parse({ origins, fileUrls });
}

export function toManifest({ version, files }: Pick<ActiveBuild, "version" | "files">): Manifest {
  return validateManifest({
    schema_version: 1,
    model_id: version.modelId,
    version: version.version,
    prefix: version.prefix,
    aggregate_sha256: version.aggregateSha256,
    total_size_bytes: version.totalSize_bytes,
    file_count: version.fileCount,
    files: files.map(({ path, size_bytes, sha256, role, parts }) => ({ path, size_bytes, sha256, role, ...(parts !== null && { parts }) })),
    created_at: version.manifestCreatedAt,
  });
}
