import { systemClock } from "@umbel/protocol/native";
import { createModelLibrary, DownloadError, ModelError, type ModelLibrary, SourceError } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { providerPlaces } from "../provider/places.js";

export interface LibraryFlags {
  readonly home?: string;
  readonly config?: string;
  readonly coordinator: string;
  readonly maxMbps?: string;
  readonly maxDiskGb?: string;
  readonly catalogKey?: string;
  readonly mirror?: string;
}

const bytesPerMegabit = 1_000_000 / 8;
const bytesPerGb = 1_000_000_000;

/** The models of this machine's provider, and the catalogue that it fetches from. */
export function openLibrary(flags: LibraryFlags): ModelLibrary {
  if (!URL.canParse(flags.coordinator)) {
    throw new CliError(
      `--coordinator takes an address, not "${flags.coordinator}".`,
      EXIT_CODES.usage,
      "For example https://umbel.example.",
    );
  }
  const { mirror } = flags;
  if (mirror !== undefined && !(URL.canParse(mirror) && /^https?:$/.test(new URL(mirror).protocol))) {
    throw new CliError(`--mirror takes an address, not "${mirror}".`, EXIT_CODES.usage, "For example http://192.168.1.10:8000.");
  }
  const hub = process.env["HF_ENDPOINT"];
  const token = process.env["HF_TOKEN"];
  return createModelLibrary({
    ...providerPlaces(flags).store,
    coordinatorUrl: flags.coordinator,
    clock: systemClock,
    ...(mirror === undefined ? {} : { mirror }),
    ...(flags.catalogKey === undefined ? {} : { catalogKey: flags.catalogKey }),
    ...(flags.maxMbps === undefined ? {} : { bandwidth_bytes_per_s: positive("--max-mbps", flags.maxMbps) * bytesPerMegabit }),
    ...(flags.maxDiskGb === undefined ? {} : { disk_bytes_max: positive("--max-disk-gb", flags.maxDiskGb) * bytesPerGb }),
    ...(hub === undefined || hub === "" ? {} : { huggingFaceUrl: hub }),
    ...(token === undefined || token === "" ? {} : { huggingFaceToken: token }),
  });
}

function positive(option: string, text: string): number {
  if (!/^\d{1,7}(\.\d{1,3})?$/.test(text) || Number(text) <= 0)
    throw new CliError(`${option} takes a number above zero, not "${text}".`, EXIT_CODES.usage);
  return Number(text);
}

type ExitCode = CliError["exitCode"];

const sourceAdvice: Readonly<Record<SourceError["code"], readonly [ExitCode, string]>> = {
  unreachable: [
    EXIT_CODES.network,
    "Check the network, and whether that is the right address (--coordinator names a coordinator, HF_ENDPOINT a hub).",
  ],
  malformed: [EXIT_CODES.network, "Check that --coordinator names a coordinator, and that both sides are of a recent version."],
  not_in_catalog: [EXIT_CODES.failure, "See what there is with: umbel models catalog --all"],
  withdrawn: [EXIT_CODES.verification, "Choose another model: umbel models catalog"],
  signature_refused: [
    EXIT_CODES.verification,
    "Ask the operator whether the catalogue has a new key; if so, accept it by its thumbprint with --catalog-key.",
  ],
  contradiction: [EXIT_CODES.verification, "Try again later; if it stays so, tell the coordinator's operator."],
  not_found: [EXIT_CODES.failure, "Check the name. A repository that is not public needs a token in HF_TOKEN."],
  no_model: [EXIT_CODES.failure, "Only GGUF files can be served."],
  ambiguous: [EXIT_CODES.usage, "Add :<file> to say which one."],
  bad_reference: [EXIT_CODES.usage, "See umbel models download --help."],
};

const downloadAdvice: Readonly<Record<DownloadError["code"], readonly [ExitCode, string]>> = {
  not_found: [EXIT_CODES.failure, "Check the address, or try again later."],
  unreachable: [EXIT_CODES.network, "What has come is kept: run the same command again to go on."],
  no_space: [EXIT_CODES.hardware, "Free some room, or remove a model with umbel models remove. What has come is kept."],
  size_mismatch: [EXIT_CODES.verification, "The file has changed since it was published; tell whoever publishes it."],
  hash_mismatch: [EXIT_CODES.verification, "Nothing of it was kept. Try again; if it stays so, tell whoever publishes it."],
  address_refused: [EXIT_CODES.usage, "Models are fetched over https, or from this machine."],
  disk: [EXIT_CODES.hardware, "Check the disk and the permissions of Umbel's home, or choose another one with --home."],
};

const modelAdvice: Partial<Record<ModelError["code"], readonly [ExitCode, string]>> = {
  not_here: [EXIT_CODES.failure, "See what is here with: umbel models list"],
  in_use: [EXIT_CODES.failure, "Stop the provider first, or wait until it has put the model away."],
  file_missing: [EXIT_CODES.failure, "Name a GGUF file that you may read."],
};

/** A failure with models in words, and what to do; anything else as it is. */
export function asModelFailure(error: unknown): unknown {
  if (error instanceof SourceError) {
    const [code, remedy] = sourceAdvice[error.code];
    const choices = error.choices.length === 0 ? "" : `\n${error.choices.map((choice) => `    ${choice}`).join("\n")}`;
    return new CliError(`${capitalised(error.message)}.${choices}`, code, remedy, { cause: error });
  }
  if (error instanceof DownloadError) {
    const [code, remedy] = downloadAdvice[error.code];
    return new CliError(`${capitalised(error.message)}.`, code, remedy, { cause: error });
  }
  if (error instanceof ModelError) {
    const [code, remedy] = modelAdvice[error.code] ?? [EXIT_CODES.verification, "Download it again, or name another one."];
    return new CliError(`${capitalised(error.message)}.`, code, remedy, { cause: error });
  }
  return error;
}

function capitalised(text: string): string {
  if (text.startsWith("http")) return text;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
