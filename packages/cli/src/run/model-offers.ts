import type { CatalogList } from "@umbel/protocol";
import { type LocalModel, readMemory } from "@umbel/provider";

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
  readonly isHere: boolean;
  /** Why this machine cannot run it; absent when it can. */
  readonly unfit: string | undefined;
  /** The largest one that fits and is not here. */
  readonly isSuggested: boolean;
}

const bytesPerGib = 2 ** 30;

/** One entry a model: what is here first, then what fits, by size. Builds behind a name are shown by the name. */
export async function modelOffers(catalog: CatalogList, local: readonly LocalModel[], memory_gib?: number): Promise<readonly ModelOffer[]> {
  const machine_gib = memory_gib ?? (await readMemory()).total_bytes / bytesPerGib;
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
        isHere: here.get(model.id) === model.weight_hash,
        unfit:
          model.min_ram_gb > machine_gib
            ? `needs ${model.min_ram_gb} GiB of memory, of which there are ${machine_gib.toFixed(0)}`
            : undefined,
        isSuggested: false,
      };
    })
    .sort((a, b) => rank(a) - rank(b) || a.size_bytes - b.size_bytes || (a.name < b.name ? -1 : 1));
  const suggested = offers.filter(({ unfit, isHere }) => unfit === undefined && !isHere).at(-1);
  return offers.map((offer) => (offer === suggested ? { ...offer, isSuggested: true } : offer));
}

function rank({ isHere, unfit }: ModelOffer): number {
  return isHere ? 0 : unfit === undefined ? 1 : 2;
}
