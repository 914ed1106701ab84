import type { Clock } from "@umbel/protocol";
import { priceRepository, type Store } from "../store/index.js";
import { AMOUNT_MICRO_USD_MAX } from "./hold.js";
import { attempt } from "./retry.js";
import type { MicroUsd, Prices, TokenPrices } from "./types.js";

/** A provider asks for more than the operator allows. */
export class PriceTooHighError extends Error {
  override readonly name = "PriceTooHighError";
  constructor(
    readonly side: "input" | "output",
    readonly most_microUsd: MicroUsd,
  ) {
    super(`a provider's ${side} price may be at most ${most_microUsd} µUSD per million tokens`);
  }
}

export interface OwnPrice extends TokenPrices {
  readonly model: string;
  readonly updatedAt: Date;
}

export interface OwnPricesOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** What the network asks for a build. */
  readonly listPrice: (build: string) => Promise<Prices>;
  /** How many times that a provider may ask for at most. */
  readonly multiple_max: number;
}

/** What a provider asks for the work of its own machines, per build; where it asks for nothing, list prices hold (money.md §6). */
export interface OwnPrices {
  list(accountId: string): Promise<readonly OwnPrice[]>;
  /** Effective for requests that are admitted from now on. @throws PriceTooHighError, RangeError */
  set(accountId: string, model: string, prices: TokenPrices): Promise<void>;
  /** False when there was none. */
  remove(accountId: string, model: string): Promise<boolean>;
}

export function createOwnPrices({ store, clock, random, listPrice, multiple_max }: OwnPricesOptions): OwnPrices {
  const retry = { clock, random };
  const by = (actor: string) => ({ actor, at: clock.date() });
  return {
    list: (accountId) => attempt(() => priceRepository.all(store.db, accountId), retry),
    async set(accountId, model, prices) {
      const listed = await listPrice(model);
      for (const side of ["input", "output"] as const) {
        const price = prices[`${side}_microUsd`];
        const most = listed[`${side}_microUsd`] * BigInt(multiple_max);
        if (price <= 0n || price > AMOUNT_MICRO_USD_MAX) throw new RangeError(`a price must be above zero and at most 10^15 µUSD`);
        if (price > most) throw new PriceTooHighError(side, most);
      }
      await attempt(() => store.transaction((tx) => priceRepository.set(tx, model, prices, by(accountId), accountId)), retry);
    },
    remove: (accountId, model) =>
      attempt(() => store.transaction((tx) => priceRepository.remove(tx, model, by(accountId), accountId)), retry),
  };
}
