import type { Clock } from "@umbel/protocol";
import { invariantRepository, type Store } from "../store/index.js";
import type { LedgerEvent } from "./events.js";
import { attempt } from "./retry.js";
import type { MicroUsd } from "./types.js";

/** Properties of money.md §19 that are held to the books. */
export const INVARIANTS = ["P1", "P2", "P3", "P4", "P5"] as const;
export type Invariant = (typeof INVARIANTS)[number];

/** Ages by which open holds are told apart, in seconds; money.md §22 pages on those beyond the last. */
export const HOLD_AGES_S = [60, 600, 7_200] as const;

export interface Violation {
  readonly property: Invariant;
  readonly subject: string;
  readonly difference: string;
}

export interface MoneyHealth {
  readonly at: Date;
  readonly took_ms: number;
  /** A hundred at most. */
  readonly violations: readonly Violation[];
  /** Per limit of `HOLD_AGES_S`, and beyond the last. */
  readonly holdsByAge: readonly number[];
  /** Open holds, dead letters, and what waits to be told to the world outside or was told by it. */
  readonly waiting: readonly { readonly name: string; readonly count: number; readonly oldest: Date | null }[];
  /** Work with the world outside whose last attempt has failed. */
  readonly failing: readonly { readonly name: string; readonly count: number; readonly since: Date; readonly error: string }[];
  readonly house: readonly { readonly account: string; readonly balance_microUsd: MicroUsd }[];
}

/** Proves the books, says what is wrong with the precise difference, and repairs nothing. */
export interface Reconciler {
  /** Reads everything on one snapshot. @throws LedgerUnavailableError */
  check(): Promise<MoneyHealth>;
  /** What the last check found; undefined before the first. */
  latest(): MoneyHealth | undefined;
}

export interface ReconcilerOptions {
  readonly store: Pick<Store, "transaction">;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onEvent: (event: LedgerEvent) => void;
}

export function createReconciler({ store, clock, random, onEvent }: ReconcilerOptions): Reconciler {
  let latest: MoneyHealth | undefined;
  let running: Promise<MoneyHealth> | undefined;

  async function check(): Promise<MoneyHealth> {
    const start_ms = clock.now_ms();
    const at = clock.date();
    const read = await store.transaction(async (tx) => {
      await invariantRepository.begin(tx);
      return {
        violations: (await invariantRepository.violations(tx)) as readonly Violation[],
        holdsByAge: await invariantRepository.holdsByAge(tx, HOLD_AGES_S, at),
        waiting: await invariantRepository.depths(tx),
        failing: await invariantRepository.failing(tx),
        house: await invariantRepository.houseBalances(tx),
      };
    });
    latest = { at, took_ms: clock.now_ms() - start_ms, ...read };
    for (const violation of read.violations) onEvent({ type: "invariant_violated", ...violation });
    return latest;
  }

  return {
    // Whoever asks while it is read gets the same reading.
    check() {
      running ??= attempt(check, { clock, random }).finally(() => {
        running = undefined;
      });
      return running;
    },
    latest: () => latest,
  };
}
