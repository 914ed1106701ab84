import type { ModelInfo } from "@umbel/protocol";
import type { FleetCatalog } from "./fleet-catalog.js";

/** What a `models_update` comes to. */
export interface AcceptedUpdate {
  readonly accepted: readonly ModelInfo[];
  /** Builds that the machine offers no more. */
  readonly dropped: readonly string[];
  /** Entries that the catalogue does not have, or has with other weights. */
  readonly rejected: number;
}

/**
 * Judges what a machine says it now offers (routing.md §12.1). A build must be in the catalogue, with its very weights, or those that were replaced lately. Where a name's desired
 * build is accepted, the machine is taken off the name's previous one, unless it lists that too; a rejected build never costs it another.
 */
export function judgeUpdate(models: readonly ModelInfo[], catalog: FleetCatalog | undefined): AcceptedUpdate {
  const accepted = models.filter(({ id, weight_hash }) => {
    if (id === "") return false;
    if (catalog === undefined) return true;
    const known = catalog.build(id);
    if (known === undefined) return false;
    return known.weightHash === "" || known.weightHash.toLowerCase() === weight_hash || known.formerHashes?.has(weight_hash) === true;
  });
  const validated = new Set(accepted.map(({ id }) => id));
  const listed = new Set(models.map(({ id }) => id));
  const dropped = (catalog?.aliases() ?? []).flatMap(({ desired, previous }) =>
    previous !== undefined && validated.has(desired) && !listed.has(previous) ? [previous] : [],
  );
  return { accepted, dropped, rejected: models.length - accepted.length };
}
