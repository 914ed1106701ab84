import { type DesiredModels, WIRE_LIMITS } from "@umbel/protocol";
import type { FleetAlias } from "./fleet-catalog.js";

/** The names that concern a machine: those of which it offers a build, in the order of their names (routing.md §12.5). */
export function desiredModels(aliases: readonly FleetAlias[], offers: (build: string) => boolean): DesiredModels {
  const concerning = aliases
    .filter(({ desired, previous }) => offers(desired) || (previous !== undefined && offers(previous)))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, WIRE_LIMITS.desiredModels_max);
  return {
    type: "desired_models",
    models: concerning.map(({ name, desired, previous }) => ({
      model_name: name,
      desired_build: desired,
      ...(previous !== undefined && { previous_build: previous }),
    })),
  };
}
