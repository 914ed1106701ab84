import type { Clock } from "@umbel/protocol";
import { createRowCache, priceRepository, type Store } from "../store/index.js";
import { FALLBACK_PRICES } from "./price.js";
import type { Ledger, Prices } from "./types.js";

const CACHED_BUILDS_MAX = 1_000;
const CACHE_TTL_MS = 60_000;
/** A build without a list price is looked up again soon. */
const MISSING_TTL_MS = 5_000;

export interface PriceList extends Pick<Ledger, "prices" | "listPrices"> {
  close(): Promise<void>;
}

/** List prices, cached until any process changes one. A failed look-up is an error, never a default price. */
export async function createPriceList(store: Store, clock: Clock): Promise<PriceList> {
  const cache = await createRowCache<Prices>({
    store,
    clock,
    channel: "umbel_prices",
    found: { entries_max: CACHED_BUILDS_MAX, ttl_ms: CACHE_TTL_MS },
    missing: { entries_max: CACHED_BUILDS_MAX, ttl_ms: MISSING_TTL_MS },
  });

  async function load(build: string): Promise<Prices | undefined> {
    const row = await priceRepository.ofModel(store.db, build);
    return row && { ...row, source: "platform" };
  }

  return {
    async prices(build) {
      return (await cache.read(build, () => load(build))) ?? FALLBACK_PRICES;
    },
    async listPrices() {
      const rows = await priceRepository.all(store.db);
      const prices = rows.map(({ model, ...unit }) => ({ model, prices: { ...unit, source: "platform" as const } }));
      return { prices, fallback: FALLBACK_PRICES };
    },
    close: () => cache.close(),
  };
}
