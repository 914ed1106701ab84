import { validateManifest } from "@umbel/protocol";
import type { ActiveBuild, AliasRow } from "../store/index.js";
import { buildFacts, samplingDefaults } from "./schemas.js";
import type { AliasRecord, BuildRecord, ResolvedModel } from "./types.js";

/** The whole catalogue at one moment. Replaced as one, so that nobody sees a new alias beside an old build. */
export interface Snapshot {
  readonly builds: readonly BuildRecord[];
  readonly aliases: readonly AliasRecord[];
  readonly models: ReadonlyMap<string, ResolvedModel>;
}

/** @throws ManifestError, ZodError when stored rows are not what was written */
export function toSnapshot(rows: { readonly builds: readonly ActiveBuild[]; readonly aliases: readonly AliasRow[] }): Snapshot {
  const builds = withCompany(rows.builds.map(toBuildRecord));
  const buildOf = new Map(builds.map((build) => [build.id, build]));
  const aliases = rows.aliases.flatMap((row): AliasRecord[] => {
    const desired = buildOf.get(row.desiredBuild);
    if (!desired) return [];
    return [{ id: row.id, displayName: row.displayName, desired, previous: buildOf.get(row.previousBuild ?? "") }];
  });
  const models = new Map<string, ResolvedModel>();
  for (const build of builds) models.set(build.id, { publicName: build.id, build, previous: undefined });
  for (const { id, desired, previous } of aliases) models.set(id, { publicName: id, build: desired, previous });
  return { builds, aliases, models };
}

const { isolation } = buildFacts.shape;

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

export function toBuildRecord(row: ActiveBuild): BuildRecord {
  const { updatedAt, defaults, ...facts } = row.build;
  const manifest = toManifest(row);
  return {
    ...facts,
    defaults: samplingDefaults.parse(defaults),
    isolation: isolation.parse(row.build.isolation),
    prices: { input_microUsd: row.input_microUsd, output_microUsd: row.output_microUsd },
    weightHash: manifest.aggregate_sha256,
    size_bytes: manifest.total_size_bytes,
    manifest,
  };
}

function toManifest({ version, files }: ActiveBuild) {
  return validateManifest({
    schema_version: 1,
    model_id: version.modelId,
    version: version.version,
    prefix: version.prefix,
    aggregate_sha256: version.aggregateSha256,
    total_size_bytes: version.totalSize_bytes,
    file_count: version.fileCount,
    files: files.map(({ path, size_bytes, sha256, role }) => ({ path, size_bytes, sha256, role })),
    created_at: version.manifestCreatedAt,
  });
}
