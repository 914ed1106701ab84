import type { ProviderView } from "@umbel/routing";
import type { CensusRow } from "./types.js";

/** Releases told apart; machines name their own, and further ones count together. */
export const CENSUS_VERSIONS_MAX = 100;
const OTHER_VERSIONS = "other";

/** How many machines are alike in what operators look at first. */
export function censusOf(views: Iterable<ProviderView>): readonly CensusRow[] {
  const rows = new Map<string, CensusRow>();
  const versions = new Set<string>();
  for (const view of views) {
    if (versions.size < CENSUS_VERSIONS_MAX) versions.add(view.version);
    const version = versions.has(view.version) ? view.version : OTHER_VERSIONS;
    const status = view.trusted ? (view.draining ? "draining" : "online") : "untrusted";
    const key = `${version} ${view.trustLevel} ${status}`;
    const machines = (rows.get(key)?.machines ?? 0) + 1;
    rows.set(key, { version, trust_level: view.trustLevel, status, machines });
  }
  return [...rows.values()];
}
