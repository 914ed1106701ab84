import type { Clock } from "@umbel/protocol";
import { createModelLibrary, type ModelLibrary } from "../models/model-library.js";
import { createModelStore } from "../models/model-store.js";
import { SourceError } from "../models/sources/source-error.js";
import type { AgentOptions } from "./options.js";

/** The models of this machine, and where more of them come from: a coordinator, if there is one. */
export function openLibrary(options: AgentOptions, clock: Clock): Pick<ModelLibrary, "store" | "fetchModel"> {
  const { home, modelsDirectory, coordinatorUrl, modelsDisk_gb_max, fetch_mbps_max, modelsMirror: mirror } = options;
  if (coordinatorUrl === undefined) return { store: createModelStore({ home, modelsDirectory }), fetchModel: nothingToFetchFrom };
  return createModelLibrary({
    ...{ home, modelsDirectory, coordinatorUrl, clock },
    ...(mirror !== undefined && { mirror }),
    ...(modelsDisk_gb_max !== undefined && { disk_bytes_max: modelsDisk_gb_max * 1e9 }),
    ...(fetch_mbps_max !== undefined && { bandwidth_bytes_per_s: (fetch_mbps_max * 1e6) / 8 }),
  });
}

async function nothingToFetchFrom(): Promise<never> {
  throw new SourceError("not_found", "There is no coordinator to fetch models from.");
}
