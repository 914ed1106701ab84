import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { formatBytes, formatCount } from "../quantities.js";
import { inTokensPerSecond, type ModelOffer, modelOffers, offerMachine } from "./model-offers.js";
import { asModelFailure, type LibraryFlags, openLibrary } from "./models-library.js";

interface CatalogFlags extends LibraryFlags {
  readonly all?: boolean;
  /** Only those that answer, or only those that make vectors. */
  readonly type?: string;
  readonly json?: boolean;
}

/** `umbel models catalog`. */
export async function showCatalog(options: CatalogFlags): Promise<void> {
  const output = createOutput(options);
  const library = openLibrary(options);
  try {
    const catalog = await library.catalog(new AbortController().signal);
    const local = await library.store.listModels();
    const models = catalog.models.filter(({ capabilities }) => isOfType(options.type, capabilities.includes("embedding")));
    const offers = modelOffers({ ...catalog, models }, local, await offerMachine(catalog, options));
    const shown = offers.filter(({ unfit, isHere }) => options.all === true || isHere || unfit === undefined);
    const known = new Set(catalog.models.map(({ id }) => id));
    const elsewhere = local.map(({ info }) => info.id).filter((id) => !known.has(id));
    output.result({ revision: catalog.revision, models: shown.map(offer), not_in_catalog: elsewhere });
    output.line(
      shown.length === 0
        ? "The catalogue has nothing that fits this machine."
        : table(["", "MODEL", "QUANT", "SIZE", "MEMORY", "SPEED", "CONTEXT", "NOTE"], shown.map(row)),
    );
    if (shown.length < offers.length) output.line(`\n${offers.length - shown.length} more do not fit this machine; see them with --all.`);
    if (elsewhere.length > 0) output.line(`\nHere, but not in the catalogue, so that they get no work: ${elsewhere.join(", ")}`);
  } catch (error) {
    throw asModelFailure(error);
  }
}

function isOfType(type: string | undefined, makesVectors: boolean): boolean {
  if (type === undefined) return true;
  if (type === "chat" || type === "embedding") return makesVectors === (type === "embedding");
  throw new CliError(`--type takes chat or embedding, not "${type}".`, EXIT_CODES.usage);
}

function row({
  name,
  quantization,
  size_bytes,
  memory_gib,
  expected_tps,
  context_tokens,
  isHere,
  unfit,
  isSuggested,
}: ModelOffer): string[] {
  const note = isHere ? "here" : (unfit ?? (isSuggested ? "suggested" : ""));
  return [
    isHere ? "✓" : "",
    name,
    quantization,
    formatBytes(size_bytes),
    `${memory_gib} GiB`,
    inTokensPerSecond(expected_tps),
    formatCount(context_tokens),
    note,
  ];
}

function offer({
  name,
  build,
  displayName,
  quantization,
  size_bytes,
  context_tokens,
  memory_gib,
  expected_tps,
  isHere,
  unfit,
  isSuggested,
}: ModelOffer) {
  return {
    id: name,
    build,
    display_name: displayName,
    quantization,
    size_bytes,
    context_tokens,
    min_ram_gb: memory_gib,
    expected_tps: expected_tps === undefined ? null : Number(expected_tps.toPrecision(2)),
    downloaded: isHere,
    fits: unfit === undefined,
    suggested: isSuggested,
  };
}
