import type { CatalogList } from "@umbel/protocol";
import { type LocalModel, measureMemoryBandwidth_gbs, readBenchmarks, readMemory } from "@umbel/provider";
import type { PlaceOptions } from "../provider/config-place.js";
import { providerPlaces } from "../provider/places.js";

/** A model of the catalogue as this machine sees it. */
export interface ModelOffer {
  /** What to ask for: a name that stands for a build, or the build itself. */
  readonly name: string;
  readonly build: string;
  readonly displayName: string;
  readonly quantization: string;
  readonly size_bytes: number;
  readonly context_tokens: number;
  readonly memory_gib: number;
  /** Tokens a second of a lone answer: the memory's bandwidth for what is read to write one token. Undefined of models that make vectors. */
  readonly expected_tps: number | undefined;
  readonly isHere: boolean;
  /** Why this machine cannot run it; absent when it can. */
  readonly unfit: string | undefined;
  /** The largest one that fits, is fast enough, and is not here. */
  readonly isSuggested: boolean;
}

/** What models are measured by. */
export interface OfferMachine {
  readonly memory_gib: number;
  /** GB (10^9 bytes) that it reads in a second to write tokens. */
  readonly bandwidth_gbs: number;
}

const bytesPerGib = 2 ** 30;
/** Slower than this, nobody likes to read along. Source: catalog.md §16. */
const SUGGESTED_tps_min = 10;

/** This machine: its memory, and the bandwidth of that or, where a benchmark has shown it to be more, of what computes. */
export async function offerMachine(catalog: CatalogList, places: PlaceOptions): Promise<OfferMachine> {
  const { total_bytes } = await readMemory();
  const measured = await readBenchmarks(providerPlaces(places).home);
  const shown = catalog.models.flatMap((model) => ((measured[model.id]?.decode_tps ?? 0) * activeBytesOf(model)) / 1e9);
  return {
    memory_gib: total_bytes / bytesPerGib,
    bandwidth_gbs: Math.max(
      measureMemoryBandwidth_gbs(() => performance.now()),
      ...shown,
    ),
  };
}

/** One entry a model: what is here first, then what fits, by size. Builds behind a name are shown by the name. */
export function modelOffers(
  catalog: CatalogList,
  local: readonly LocalModel[],
  { memory_gib: machine_gib, bandwidth_gbs }: OfferMachine,
): readonly ModelOffer[] {
  const aliases = catalog.aliases ?? [];
  const named = new Map(aliases.map((alias) => [alias.primary_build, alias]));
  const hidden = new Set(
    aliases.flatMap(({ desired_build, previous_build, retired_builds }) => [desired_build, previous_build, ...retired_builds]),
  );
  const here = new Map(local.map(({ info }) => [info.id, info.weight_hash]));
  const withdrawn = new Set(catalog.withdrawn.map(({ weight_hash }) => weight_hash));
  const offers = catalog.models
    .filter((model) => !withdrawn.has(model.weight_hash) && (named.has(model.id) || !hidden.has(model.id)))
    .map((model): ModelOffer => {
      const alias = named.get(model.id);
      return {
        name: alias?.id ?? model.id,
        build: model.id,
        displayName: alias?.display_name ?? model.display_name,
        quantization: model.quantization,
        size_bytes: model.total_size_bytes,
        context_tokens: model.max_context_length,
        memory_gib: model.min_ram_gb,
        expected_tps: model.model_type === "embedding" ? undefined : (bandwidth_gbs * 1e9) / activeBytesOf(model),
        isHere: here.get(model.id) === model.weight_hash,
        unfit:
          model.min_ram_gb > machine_gib
            ? `needs ${model.min_ram_gb} GiB of memory, of which there are ${machine_gib.toFixed(0)}`
            : undefined,
        isSuggested: false,
      };
    })
    .sort((a, b) => rank(a) - rank(b) || a.size_bytes - b.size_bytes || (a.name < b.name ? -1 : 1));
  const isFast = ({ expected_tps }: ModelOffer): boolean => (expected_tps ?? 0) > SUGGESTED_tps_min;
  const suggested = offers.filter((offer) => offer.unfit === undefined && !offer.isHere && isFast(offer)).at(-1);
  return offers.map((offer) => (offer === suggested ? { ...offer, isSuggested: true } : offer));
}

function activeBytesOf({ memory, total_size_bytes }: CatalogList["models"][number]): number {
  return memory?.active_bytes ?? total_size_bytes;
}

/** For people: two digits are all that an estimate has. */
export function inTokensPerSecond(tps: number | undefined): string {
  return tps === undefined ? "" : `~${tps < 10 ? tps.toFixed(1) : Number(tps.toPrecision(2))} tok/s`;
}

function rank({ isHere, unfit }: ModelOffer): number {
  return isHere ? 0 : unfit === undefined ? 1 : 2;
}
