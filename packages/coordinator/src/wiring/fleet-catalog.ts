import type { Catalog } from "../catalog/index.js";
import type { FleetCatalog } from "../fleet/index.js";

/** The catalogue as the fleet measures machines by it. */
export function fleetCatalog(catalog: Pick<Catalog, "build" | "aliases" | "withdrawn" | "revision">): FleetCatalog {
  return {
    build(id) {
      const build = catalog.build(id);
      if (build === undefined) return undefined;
      const { weightHash, kvBytesPerToken, memory, dedicated, formerHashes } = build;
      return {
        ...{ weightHash, kvBytesPerToken },
        ...(memory !== null && { memory }),
        ...(dedicated !== undefined && { dedicated }),
        ...(formerHashes !== undefined && { formerHashes }),
      };
    },
    aliases: () =>
      catalog.aliases().map(({ id, desired, previous, retired, wave_percent }) => ({
        name: id,
        desired: desired.id,
        previous: previous?.id,
        retired,
        wave_percent,
      })),
    withdrawn: () => catalog.withdrawn(),
    revision: () => catalog.revision(),
  };
}
