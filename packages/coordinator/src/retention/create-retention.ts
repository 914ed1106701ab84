import type { Clock } from "@umbel/protocol";
import { leaseRepository, retentionRepository, type Store } from "../store/index.js";

export const RETENTION_LIMITS = {
  /** Rows that one statement removes. Source: money.md §20. */
  batch_rows: 5_000,
  /** From one run to the next, of all coordinators together. Source: money.md §20. */
  interval_ms: 24 * 3_600_000,
  /** After this time without news of a coordinator that had begun, another goes on. */
  lease_ms: 10 * 60_000,
} as const;

const JOB = "retention";
const DAY_ms = 24 * 3_600_000;
const EVER = new Date(0);

export interface RetentionOptions {
  readonly store: Pick<Store, "db">;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly settings: {
    /** How long it is kept how the money of a request came to its end; 0 is for ever. */
    readonly reservations_days: number;
    /** How long single requests are kept; 0 is for ever. */
    readonly usage_days: number;
  };
}

/** Rows that a run has removed. */
export interface Removed {
  readonly reservations: number;
  readonly usage: number;
  readonly key_spend: number;
}

export interface Retention {
  /** Removes what is older than it is to be. Undefined where it was done within a day, or somebody else is at it. */
  run(): Promise<Removed | undefined>;
}

/**
 * Removes old rows about single requests, in small batches, once a day for all coordinators. The journal and all sums stay: what is removed stands in
 * the sums of its day before.
 */
export function createRetention({ store: { db }, clock, instanceId, settings }: RetentionOptions): Retention {
  const before = (days: number): Date => (days === 0 ? EVER : new Date(clock.date().getTime() - days * DAY_ms));
  const until = (later_ms: number) => ({ name: JOB, owner: instanceId, until: new Date(clock.date().getTime() + later_ms) });

  /** Removes until nothing is left, or the job is another's. */
  async function empty(removeSome: (limit: number) => Promise<number>): Promise<number> {
    let removed = 0;
    for (let some: number = RETENTION_LIMITS.batch_rows; some === RETENTION_LIMITS.batch_rows; removed += some) {
      if (!(await leaseRepository.take(db, until(RETENTION_LIMITS.lease_ms), clock.date()))) throw new LeaseLostError();
      some = await removeSome(RETENTION_LIMITS.batch_rows);
    }
    return removed;
  }

  async function remove(): Promise<Removed> {
    const usageFrom = settings.usage_days === 0 ? undefined : await retentionRepository.keepUsageFrom(db, before(settings.usage_days));
    // The books want a request's usage for as long as its reservation is there.
    const ended = later(before(settings.reservations_days), usageFrom ?? EVER);
    const reservations = await empty((limit) => retentionRepository.removeReservations(db, ended, limit));
    if (usageFrom === undefined) return { reservations, usage: 0, key_spend: 0 };
    const usage = await empty((limit) => retentionRepository.removeUsage(db, usageFrom, limit));
    return { reservations, usage, key_spend: await empty((limit) => retentionRepository.removeKeySpend(db, usageFrom, limit)) };
  }

  return {
    async run() {
      if (!(await leaseRepository.take(db, until(RETENTION_LIMITS.lease_ms), clock.date()))) return undefined;
      try {
        const removed = await remove();
        await leaseRepository.rest(db, until(RETENTION_LIMITS.interval_ms));
        return removed;
      } catch (error) {
        if (error instanceof LeaseLostError) return undefined;
        throw error;
      }
    },
  };
}

/** Somebody else does the job by now: this coordinator was silent for too long. */
class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
