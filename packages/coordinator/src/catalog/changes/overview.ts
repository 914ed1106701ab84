import { catalogRepository, type Tx, type VersionRow } from "../../store/index.js";
import { buildStatus } from "../schemas.js";
import type { BuildOverview, VersionOverview } from "../types.js";

/** Every build and every version, in service or not. */
export async function overview(tx: Tx): Promise<readonly BuildOverview[]> {
  const models = await catalogRepository.models(tx);
  const versions = await catalogRepository.versions(tx);
  const active = await catalogRepository.active(tx);
  const used = new Set((await catalogRepository.activations(tx)).map(({ versionId }) => versionId));
  return models.map(({ id, displayName, status, deprecationDate }) => {
    const own = versions.filter(({ modelId }) => modelId === id);
    const present = own.find((row) => row.id === active.get(id));
    return {
      id,
      displayName,
      status: buildStatus.parse(status),
      deprecationDate,
      activeVersion: present?.revokedAt === null ? present.version : null,
      versions: own.map((row) => versionOverview(row, present?.id === row.id ? "active" : used.has(row.id) ? "superseded" : "draft")),
    };
  });
}

function versionOverview(row: VersionRow, state: VersionOverview["state"]): VersionOverview {
  return {
    version: row.version,
    state: row.revokedAt === null ? state : "revoked",
    weightHash: row.aggregateSha256,
    size_bytes: row.totalSize_bytes,
    registeredBy: row.registeredBy,
    registeredAt: row.createdAt,
    prices: { input_microUsd: row.input_microUsd, output_microUsd: row.output_microUsd },
    revokedReason: row.revokedReason,
    verification: row.verification,
    verificationProblem: row.verificationProblem,
  };
}
