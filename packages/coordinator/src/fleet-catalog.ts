import type { Catalog } from "./catalog/index.js";
import type { FleetCatalog } from "./fleet/index.js";

/** The catalogue as the fleet measures machines by it. */
export function fleetCatalog(catalog: Pick<Catalog, "resolve" | "aliases">): FleetCatalog {
  return {
    build(id) {
      const build = catalog.resolve(id)?.build;
      // A name is not a build, though it stands for one.
      return build?.id === id ? { weightHash: build.weightHash, kvBytesPerToken: build.kvBytesPerToken } : undefined;
    },
    aliases: () => catalog.aliases().map(({ id, desired, previous }) => ({ name: id, desired: desired.id, previous: previous?.id })),
  };
}
