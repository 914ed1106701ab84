import type { Clock } from "@umbel/protocol";
import { asError, type LedgerEvent } from "./events.js";
import { attempt, persist, wait } from "./retry.js";
import { lineOf, type SpillFile } from "./spill-file.js";
import { LedgerUnavailableError, type Settlement, type SettleOutcome } from "./types.js";

/** A settlement that is not booked after this long goes to disk (money.md §10). */
export const SPILL_AFTER_MS = 1_000;
/** The consumer does not wait longer than this for its settlement. */
export const ANSWER_AFTER_MS = 2_000;

/** What came of booking; `pending` is no result. */
type Booked = Exclude<SettleOutcome, { readonly state: "pending" }>;

/** A reservation of this id was never made: nothing can be booked, now or later. */
export class UnknownReservationError extends Error {
  override readonly name = "UnknownReservationError";
}

export interface SettlementsOptions {
  /** Prices and posts one settlement. Rejects with database errors as they come. */
  readonly book: (settlement: Settlement, signal: AbortSignal) => Promise<Booked>;
  readonly putAside: (letter: { requestId: string | undefined; payload: unknown; error: string }) => Promise<void>;
  readonly spill: SpillFile;
  /** Whether each settlement is on disk before it is booked; else only one that is not booked soon. */
  readonly spillAlways: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onEvent: (event: LedgerEvent) => void;
}

/** Terminals on their way into the database: repeated through outages, on disk when one lasts, never lost and never booked twice. */
export interface Settlements {
  settle(settlement: Settlement): Promise<SettleOutcome>;
  /** Books what an earlier process left on disk. @throws LedgerUnavailableError with the file untouched */
  replay(): Promise<number>;
  /** How many are on disk and not known to be booked. */
  spilled(): number;
  /** Waits for what is under way; spills what is not booked after `timeout_ms`, and stops. */
  close(timeout_ms: number): Promise<void>;
}

interface Job {
  readonly settlement: Settlement;
  readonly receivedAt: Date;
  /** Resolves when there is nothing left to do, also when closing cut it short. */
  readonly outcome: Promise<SettleOutcome>;
  spilling: Promise<void> | undefined;
}

export function createSettlements(options: SettlementsOptions): Settlements {
  const { spill, clock, onEvent } = options;
  const jobs = new Map<string, Job>();
  /** Requests with a line in the file that is still needed, or about to be written. */
  const onDisk = new Set<string>();
  const stop = new AbortController();

  function start(settlement: Settlement): Job {
    const { requestId } = settlement;
    const started_ms = clock.now_ms();
    const work = options.spillAlways
      ? Promise.resolve().then(async () => {
          await spillNow(job);
          return bookOrPutAside(settlement, started_ms);
        })
      : bookOrPutAside(settlement, started_ms);
    const outcome = work.then(
      async (result): Promise<SettleOutcome> => {
        cancelSpill();
        jobs.delete(requestId);
        await forget(job);
        return result;
      },
      async (): Promise<SettleOutcome> => {
        cancelSpill();
        await spillNow(job);
        return { state: "pending" };
      },
    );
    const job: Job = { settlement, receivedAt: clock.date(), outcome, spilling: undefined };
    const cancelSpill = clock.setTimer(SPILL_AFTER_MS, () => void spillNow(job));
    jobs.set(requestId, job);
    return job;
  }

  /** Rejects only when closing cuts it short. */
  async function bookOrPutAside(settlement: Settlement, started_ms: number): Promise<SettleOutcome> {
    const { requestId } = settlement;
    const patience = {
      ...options,
      signal: stop.signal,
      onRetry: (tries: number) => onEvent({ type: "retry", operation: "settle", requestId, attempt: tries }),
    };
    try {
      const booked = await persist((signal) => options.book(settlement, signal), patience);
      if (booked.state === "settled" && !booked.replayed) {
        onEvent({ type: "settled", requestId, cost_microUsd: booked.cost_microUsd, wait_ms: clock.now_ms() - started_ms });
      }
      return booked;
    } catch (error) {
      if (stop.signal.aborted) throw error;
      await persist(() => putAside(settlement, error), patience);
      return { state: "pending" };
    }
  }

  async function putAside(settlement: Settlement, error: unknown): Promise<void> {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : "unknown";
    await options.putAside({ requestId: settlement.requestId, payload: lineOf(settlement, clock.date()), error: reason });
    onEvent({ type: "dead_letter", requestId: settlement.requestId, reason });
  }

  function spillNow(job: Job): Promise<void> {
    const { requestId } = job.settlement;
    job.spilling ??= (async () => {
      onDisk.add(requestId);
      try {
        await spill.append(job.settlement, job.receivedAt);
        onEvent({ type: "spilled", requestId, waiting: onDisk.size });
      } catch (error) {
        onDisk.delete(requestId);
        onEvent({ type: "spill_failed", requestId, error: asError(error) });
      }
    })();
    return job.spilling;
  }

  async function forget(job: Job): Promise<void> {
    if (!job.spilling) return;
    await job.spilling;
    onDisk.delete(job.settlement.requestId);
    await clearIfUnneeded(job.settlement.requestId);
  }

  async function clearIfUnneeded(requestId: string): Promise<void> {
    if (onDisk.size > 0) return;
    // A line that stays is replayed without effect, so this failure costs nothing but is worth knowing.
    await spill.clear().catch((error: unknown) => onEvent({ type: "spill_failed", requestId, error: asError(error) }));
  }

  return {
    async settle(settlement) {
      const job = jobs.get(settlement.requestId) ?? start(settlement);
      const patience = new AbortController();
      const tooLong = wait(clock, ANSWER_AFTER_MS, patience.signal).then(
        async (): Promise<SettleOutcome> => {
          await job.spilling;
          return { state: "pending", afterwards: job.outcome };
        },
        () => job.outcome,
      );
      try {
        return await Promise.race([job.outcome, tooLong]);
      } finally {
        patience.abort();
      }
    },

    async replay() {
      let booked = 0;
      const lines = await spill.read();
      for (const line of lines) {
        if ("unreadable" in line) {
          await attempt(() => options.putAside({ requestId: undefined, payload: line, error: "unreadable line" }), options);
          onEvent({ type: "dead_letter", requestId: undefined, reason: "unreadable line" });
        } else if (!jobs.has(line.settlement.requestId)) {
          await attempt((signal) => options.book(line.settlement, signal), options).catch(async (error: unknown) => {
            if (error instanceof LedgerUnavailableError) throw error;
            await attempt(() => putAside(line.settlement, error), options);
          });
          booked += 1;
        }
      }
      if (lines.length > 0 && onDisk.size === 0) await spill.clear();
      return booked;
    },

    spilled: () => onDisk.size,

    async close(timeout_ms) {
      const all = Promise.all([...jobs.values()].map((job) => job.outcome));
      const patience = new AbortController();
      const timeout = wait(clock, timeout_ms, patience.signal).catch(() => undefined);
      await Promise.race([all, timeout]);
      patience.abort();
      stop.abort(new LedgerUnavailableError("the ledger is closed"));
      await all;
    },
  };
}
