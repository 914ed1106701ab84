import type { Clock } from "@umbel/protocol";
import { ledgerRepository, type ReservationTerms, type Store } from "../store/index.js";
import { AMOUNT_MICRO_USD_MAX } from "./hold.js";
import { worstCase } from "./price.js";
import type { PriceList } from "./price-list.js";
import { attempt as answered, type RetryOptions } from "./retry.js";
import type { AttemptOutcome, AttemptRequest, Ledger } from "./types.js";

/** What an open request was admitted under. */
export interface OpenTerms extends ReservationTerms {
  readonly build: string;
}

export interface AttemptsOptions {
  readonly client: Store["client"];
  readonly clock: Clock;
  readonly retry: RetryOptions;
  readonly priceList: Pick<PriceList, "ownPrices">;
  /** Undefined once the request is final. */
  readonly termsOf: (requestId: string) => OpenTerms | undefined;
  /** Has a statement about the money of a request wait behind what else there is of its account. */
  readonly inLaneOf: <T>(requestId: string, signal: AbortSignal, statement: () => Promise<T>) => Promise<T>;
}

/** Machines that are asked for one request: each may cost what its owner asks for, and the hold grows to that before it is asked (money.md §10). */
export function createAttempts({
  client,
  clock,
  retry,
  priceList,
  termsOf,
  inLaneOf,
}: AttemptsOptions): Pick<Ledger, "attempt" | "abandon"> {
  /** Aggregators pay list prices, and nobody pays for a machine of its own. */
  function ownPrices({ accountId }: AttemptRequest, terms: OpenTerms) {
    if (terms.isService || accountId === undefined || accountId === terms.accountId) return undefined;
    return answered(() => priceList.ownPrices(accountId, terms.build), retry);
  }

  return {
    async attempt(asked): Promise<AttemptOutcome> {
      const { requestId, attempt, machineId, accountId } = asked;
      const terms = termsOf(requestId);
      const own = terms && (await ownPrices(asked, terms));
      if (terms === undefined || own === undefined || accountId === undefined) return { ok: true, ownPrices: undefined };
      const required_microUsd = worstCase(terms, own);
      if (required_microUsd <= terms.hold_microUsd) return { ok: true, ownPrices: own };
      if (required_microUsd > AMOUNT_MICRO_USD_MAX) return { ok: false };
      const row = { requestId, attempt, machineId, providerAccountId: accountId, required_microUsd, at: clock.date() };
      const outcome = await answered((signal) => inLaneOf(requestId, signal, () => ledgerRepository.attempt(client, row, signal)), retry);
      return outcome === "held" ? { ok: true, ownPrices: own } : { ok: false };
    },

    async abandon(requestId, attempt) {
      const abandon = (signal: AbortSignal) => ledgerRepository.abandon(client, requestId, attempt, clock.date(), signal);
      await answered((signal) => inLaneOf(requestId, signal, () => abandon(signal)), retry);
    },
  };
}
