import { createModelStore, type LocalModel, ModelError, verifyModel } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { createProgressLine } from "../progress-line.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { type ProviderPlaces, providerPlaces } from "../provider/places.js";
import { formatBytes } from "../quantities.js";
import { asModelFailure } from "./models-library.js";

/** `umbel models verify`: hashes every byte of a model, or of all of them, and exits with 7 if one is not what its manifest says. */
export async function verifyModels(id: string | undefined, options: PlaceOptions & { readonly json?: boolean }): Promise<void> {
  const output = createOutput(options);
  const models = await chosen(id, providerPlaces(options).store);
  const data = [];
  for (const model of models) {
    const problem = await problemOf(model);
    const { info, manifest } = model;
    data.push({
      id: info.id,
      version: manifest.version,
      weight_hash: info.weight_hash,
      size_bytes: info.size_bytes,
      ok: problem === null,
      problem,
    });
    output.line(
      problem === null ? `${info.id}: ${formatBytes(info.size_bytes)}, exactly what its manifest says` : `${info.id}: ${problem}`,
    );
  }
  const bad = data.filter(({ ok }) => !ok);
  output.result({ ok: bad.length === 0, data });
  if (models.length === 0) output.line("There are no models here. Get one with: umbel models download");
  if (bad.length === 0) return;
  output.note("Fetch anew what is not whole: umbel models remove, then umbel models download.");
  process.exitCode = EXIT_CODES.verification;
}

async function chosen(id: string | undefined, place: ProviderPlaces["store"]): Promise<readonly LocalModel[]> {
  try {
    const models = await createModelStore(place).listModels();
    if (id === undefined) return models;
    const found = models.filter(({ info }) => info.id === id);
    if (found.length > 0) return found;
  } catch (error) {
    throw asModelFailure(error);
  }
  throw new CliError(`There is no model "${id}" on this machine.`, EXIT_CODES.failure, "See what is here with: umbel models list");
}

/** What is wrong with its files; null is nothing. */
async function problemOf({ info, manifest, directory }: LocalModel): Promise<string | null> {
  const progress = createProgressLine(info.id);
  let done_bytes = 0;
  try {
    await verifyModel(manifest, directory, {
      onRead: (bytes) => {
        done_bytes += bytes;
        progress.update({ done_bytes, total_bytes: manifest.total_size_bytes });
      },
    });
    return null;
  } catch (error) {
    if (error instanceof ModelError) return error.message;
    throw error;
  } finally {
    progress.clear();
  }
}
