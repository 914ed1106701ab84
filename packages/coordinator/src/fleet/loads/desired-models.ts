import { type DesiredModels, WIRE_LIMITS } from "@umbel/protocol";
import { inShare } from "../../in-share.js";
import type { FleetAlias, FleetCatalog } from "./fleet-catalog.js";

/** A machine, as far as it matters what it should have. */
interface OfferingMachine {
  readonly id: string;
  readonly builds: ReadonlyMap<string, { readonly weightHash: string }>;
}

/**
 * What a machine is told of the catalogue: the names that concern it, which are those of which it offers a build or did so before they moved
 * on, in the order of their names (routing.md §12.5); and what it offers that it may not offer any more.
 */
export function desiredModels(
  catalog: Pick<FleetCatalog, "aliases" | "withdrawn" | "revision">,
  { id, builds }: OfferingMachine,
): DesiredModels {
  const concerning = catalog
    .aliases()
    .filter(({ desired, previous, retired }) => [desired, previous ?? desired, ...retired].some((build) => builds.has(build)))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, WIRE_LIMITS.desiredModels_max);
  const withdrawn = catalog
    .withdrawn()
    .filter(({ modelId, weightHash }) => builds.get(modelId)?.weightHash === weightHash)
    .slice(0, WIRE_LIMITS.withdrawnModels_max);
  return {
    type: "desired_models",
    models: concerning.map((alias) => standing(alias, { id, builds })),
    revision: catalog.revision(),
    ...(withdrawn.length > 0 && {
      withdrawn: withdrawn.map(({ modelId, weightHash, kind }) => ({ model_id: modelId, weight_hash: weightHash, reason: kind })),
    }),
  };
}

/** A machine whose turn has not come is told that the name stands for what it stood for: it goes on with that, and fetches nothing. */
function standing({ name, desired, previous, wave_percent }: FleetAlias, { id, builds }: OfferingMachine): DesiredModels["models"][number] {
  const isTurn = builds.has(desired) || inShare(wave_percent, name, desired, id);
  if (previous !== undefined && !isTurn) return { model_name: name, desired_build: previous };
  return { model_name: name, desired_build: desired, ...(previous !== undefined && { previous_build: previous }) };
}
