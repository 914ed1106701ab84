import { createModelStore, type LocalModel } from "@umbel/provider";
import { createOutput, table } from "../output.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { providerPlaces } from "../provider/places.js";
import { formatBytes } from "../quantities.js";
import { asModelFailure } from "./models-library.js";

/** `umbel models list`. */
export async function listModels(options: PlaceOptions & { readonly json?: boolean }): Promise<void> {
  const output = createOutput(options);
  const models = await createModelStore(providerPlaces(options).store)
    .listModels()
    .catch((error: unknown) => {
      throw asModelFailure(error);
    });
  output.result({ object: "list", data: models.map(localModel) });
  output.line(
    models.length === 0
      ? "There are no models here. Get one with: umbel models download"
      : table(
          ["ID", "QUANT", "SIZE", "CONTEXT", "FROM", "LAST USED"],
          models.map(({ info, origin, used_at, isStored }) => [
            info.id,
            info.quantization ?? "-",
            formatBytes(info.size_bytes),
            String(info.context_length),
            isStored ? origin.kind.replace("_", " ") : "this machine",
            used_at.slice(0, 16).replace("T", " "),
          ]),
        ),
  );
}

export function localModel({
  info,
  manifest,
  directory,
  origin,
  isPinned,
  isStored,
  takenIn_at,
  used_at,
}: LocalModel): Record<string, unknown> {
  return {
    id: info.id,
    version: manifest.version,
    weight_hash: info.weight_hash,
    quantization: info.quantization ?? null,
    size_bytes: info.size_bytes,
    context_tokens: info.context_length,
    capabilities: info.capabilities,
    origin,
    directory,
    stored: isStored,
    pinned: isPinned,
    taken_in_at: takenIn_at,
    used_at,
  };
}
