import { createHash } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import { type AttemptBucket, attemptRepository, type Store } from "../../store/index.js";
import { ask } from "../ask.js";

/** How often something may be tried: so many times at once, and once more in every so many seconds. */
export interface AttemptLimit {
  /** Apart from other limits for the same. */
  readonly name: string;
  /** 0 limits nothing. */
  readonly perSecond: number;
  readonly burst: number;
}

/** A limit, and who or what it is held against. */
export interface CountedAttempt {
  readonly limit: AttemptLimit;
  readonly who: string;
}

/**
 * Tries of passwords, codes and links, counted in the database: a limit holds for all coordinators that share one, and over a restart. Every
 * method throws AccountsUnavailableError.
 */
export interface Attempts {
  /** Counts a try against each of them, or against none. @returns how long to wait if one of the limits is reached, in milliseconds */
  take(counted: readonly CountedAttempt[]): Promise<number | undefined>;
  /** For a try that was counted and then was none. */
  giveBack(counted: readonly CountedAttempt[]): Promise<void>;
  /** Forgets what counts no more. */
  sweep(): Promise<void>;
}

export function createAttempts({ store, clock }: { readonly store: Store; readonly clock: Clock }): Attempts {
  return {
    async take(counted) {
      const buckets = bucketsOf(counted);
      if (buckets.length === 0) return undefined;
      const wait_s = await ask(attemptRepository.take(store.db, buckets, clock.date()), clock);
      return wait_s && Math.ceil(wait_s * 1_000);
    },
    async giveBack(counted) {
      const buckets = bucketsOf(counted).map(({ bucket }) => bucket);
      if (buckets.length > 0) await ask(attemptRepository.giveBack(store.db, buckets), clock);
    },
    sweep: () => ask(attemptRepository.sweep(store.db, clock.date()), clock),
  };
}

function bucketsOf(counted: readonly CountedAttempt[]): readonly AttemptBucket[] {
  return counted
    .filter(({ limit }) => limit.perSecond > 0)
    .map(({ limit: { name, perSecond, burst }, who }) => ({ bucket: digest(`${name} ${who}`), perSecond, burst }));
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
