import { manifestPrefix, validateManifest } from "@umbel/protocol";
import { catalogRepository, type Tx } from "../../store/index.js";
import { CatalogError } from "../catalog-error.js";
import { fileSources, versionFacts } from "../schemas.js";
import { toManifest } from "../snapshot.js";
import { VERSION_OF } from "../version-of.js";
import { checkBuild } from "./check.js";
import type { By } from "./recorded.js";
import { registerVersion } from "./register-version.js";

/** What a name is to stand for: a build, or one version of it, whatever the build itself serves. */
interface Member {
  readonly build: string;
  readonly version: string | undefined;
  /** Of the input, that says which version. */
  readonly field: "desiredVersion" | "previousVersion";
}

/**
 * The build that a name stands for. A version by itself is a build of its own, of the same files at the same places, made when a name stands for it
 * first: so a name moves from one version to another, step by step and back, as it does between builds.
 *
 * @returns its id
 * @throws CatalogError
 */
export async function pinnedVersion(tx: Tx, { build, version, field }: Member, by: By): Promise<string> {
  if (version === undefined) return build;
  const row = await catalogRepository.findVersion(tx, build, version);
  if (row === undefined) throw new CatalogError("unknown_version", field);
  if (row.revokedAt !== null) throw new CatalogError("version_revoked", field);
  if (row.verification !== "ready") throw new CatalogError("version_unverified", field);
  const id = `${build}-at-${version}`;
  if ((await catalogRepository.model(tx, id)) !== undefined) {
    const known = await catalogRepository.findVersion(tx, id, version);
    if (known?.aggregateSha256 === row.aggregateSha256) return id;
    throw new CatalogError("name_taken", field);
  }
  const { displayName, metadata, ...facts } = versionFacts.parse(row.facts);
  const files = await catalogRepository.files(tx, row.id);
  const own = checkBuild({
    ...facts,
    id,
    displayName: `${displayName} (${version})`,
    metadata: { ...metadata, [VERSION_OF]: build },
    manifest: validateManifest({ ...toManifest({ version: row, files }), model_id: id, prefix: manifestPrefix(id, version) }),
    weightHash: row.aggregateSha256,
    size_bytes: row.totalSize_bytes,
    prices: { input_microUsd: row.input_microUsd, output_microUsd: row.output_microUsd },
    sources: fileSources.parse({ origins: row.origins, fileUrls: row.fileUrls }),
  });
  await registerVersion(tx, own, { promote: true }, by);
  return id;
}
