import type { LocalModel, ModelLibrary } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, type Output } from "../output.js";
import { pickModels } from "../picker/pick-models.js";
import { createProgressLine } from "../progress-line.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { formatBytes } from "../quantities.js";
import { modelOffers, offerMachine } from "./model-offers.js";
import { asModelFailure, type LibraryFlags, openLibrary } from "./models-library.js";
import { localModel } from "./models-list.js";

export interface DownloadFlags extends LibraryFlags {
  readonly id?: string;
  readonly sha256?: string;
  readonly json?: boolean;
}

/** `umbel models download`. */
export async function downloadModels(names: readonly string[], options: DownloadFlags): Promise<void> {
  const output = createOutput(options);
  if (options.sha256 !== undefined && !/^[0-9a-f]{64}$/.test(options.sha256)) {
    throw new CliError("--sha256 takes 64 lower-case hex digits.", EXIT_CODES.usage);
  }
  if (names.length > 1 && (options.id ?? options.sha256) !== undefined) {
    throw new CliError("--id and --sha256 go with one model.", EXIT_CODES.usage, "Download the models one by one.");
  }
  const library = openLibrary(options);
  const stop = new AbortController();
  const interrupt = (): void =>
    stop.abort(new CliError("Interrupted.", EXIT_CODES.interrupted, "What has come is kept: run the same command again to go on."));
  process.once("SIGINT", interrupt);
  try {
    const wanted = names.length > 0 ? names : await choose(library, options, output, stop.signal);
    const models: LocalModel[] = [];
    for (const name of wanted) models.push(await downloadOne(name, library, options, output, stop.signal));
    output.result({ models: models.map(localModel) });
  } catch (error) {
    throw asModelFailure(error);
  } finally {
    process.removeListener("SIGINT", interrupt);
  }
}

async function choose(library: ModelLibrary, places: PlaceOptions, output: Output, signal: AbortSignal): Promise<readonly string[]> {
  const catalog = await library.catalog(signal);
  const offers = modelOffers(catalog, await library.store.listModels(), await offerMachine(catalog, places));
  const picked = await pickModels(offers, signal);
  if (picked.length === 0) output.line("Nothing to download.");
  return picked;
}

async function downloadOne(
  name: string,
  library: ModelLibrary,
  options: DownloadFlags,
  output: Output,
  signal: AbortSignal,
): Promise<LocalModel> {
  const progress = createProgressLine(name);
  try {
    const model = await library.fetchModel(name, {
      signal,
      mode: "owner",
      ...(options.id === undefined ? {} : { id: options.id }),
      ...(options.sha256 === undefined ? {} : { sha256: options.sha256 }),
      onProgress: progress.update,
      onWait: () => output.note(`Another process fetches ${name}; waiting for it …`),
    });
    progress.clear();
    output.line(`${model.info.id}: ${formatBytes(model.info.size_bytes)}, verified, SHA-256 ${model.info.weight_hash}`);
    return model;
  } finally {
    progress.clear();
  }
}
