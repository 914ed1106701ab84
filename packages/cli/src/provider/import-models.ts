import path from "node:path";
import { createModelStore } from "@umbel/provider";
import { BUNDLED_MODEL_DIRECTORIES } from "../home.js";
import type { ProviderPlaces } from "./places.js";
import { asCliError } from "./provider-failure.js";

/** Ids of what to serve: what was named, else what comes with Umbel and what was downloaded. */
export async function importModels(place: ProviderPlaces["store"], named: readonly string[]): Promise<string[]> {
  const store = createModelStore(place);
  const isNamed = named.length > 0;
  const ids: string[] = [];
  try {
    const known = await store.listModels();
    const stored = known.filter(({ isStored }) => isStored).map(({ info }) => info.id);
    for (const model of isNamed ? named : BUNDLED_MODEL_DIRECTORIES) {
      ids.push(known.some(({ info }) => info.id === model) ? model : (await store.importModel(path.resolve(model))).info.id);
    }
    return isNamed ? ids : [...new Set([...ids, ...stored])];
  } catch (error) {
    throw asCliError(error);
  }
}
