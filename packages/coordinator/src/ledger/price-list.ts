import type { Clock } from "@umbel/protocol";
import { createRowCache, priceRepository, type Store } from "../store/index.js";
import { FALLBACK_PRICES } from "./price.js";
import type { Ledger, TokenPrices } from "./types.js";

/** Pairs of an account and a build. */
const CACHED_PRICES_MAX = 20_000;
const CACHE_TTL_MS = 60_000;
/** A build without a price is looked up again soon; of most owners there is none. */
const MISSING_TTL_MS = 5_000;

export interface PriceList extends Pick<Ledger, "prices" | "listPrices"> {
  /** What a provider asks for a build, if it asks for anything of its own. */
  ownPrices(accountId: string, build: string): Promise<TokenPrices | undefined>;
  close(): Promise<void>;
}

/** List prices, cached until any process changes one. A failed look-up is an error, never a default price. */
export async function createPriceList(store: Store, clock: Clock): Promise<PriceList> {
  const cache = await createRowCache<TokenPrices>({
    store,
    clock,
    channel: "umbel_prices",
    found: { entries_max: CACHED_PRICES_MAX, ttl_ms: CACHE_TTL_MS },
    missing: { entries_max: CACHED_PRICES_MAX, ttl_ms: MISSING_TTL_MS },
  });

  function priceOf(build: string, accountId?: string): Promise<TokenPrices | undefined> {
    return cache.read(JSON.stringify([build, accountId]), () => priceRepository.ofModel(store.db, build, accountId));
  }

  return {
    async prices(build) {
      const listed = await priceOf(build);
      return listed === undefined ? FALLBACK_PRICES : { ...listed, source: "platform" };
    },
    async listPrices() {
      const rows = await priceRepository.all(store.db);
      const prices = rows.map(({ model, input_microUsd, output_microUsd }) => ({
        model,
        prices: { input_microUsd, output_microUsd, source: "platform" as const },
      }));
      return { prices, fallback: FALLBACK_PRICES };
    },
    ownPrices: (accountId, build) => priceOf(build, accountId),
    close: () => cache.close(),
  };
}
