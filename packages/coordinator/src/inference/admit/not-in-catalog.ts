import { type ApiError, modelNotFound } from "@umbel/dialects";
import type { Catalog } from "../../catalog/index.js";

/** Nobody offers a model of this name, as an alias or a build. */
export function notInCatalog(name: string, catalog: Pick<Catalog, "aliases" | "builds">): ApiError {
  return modelNotFound(
    name,
    [...catalog.aliases(), ...catalog.builds()].map(({ id }) => id),
  );
}
