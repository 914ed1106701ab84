import type { Clock } from "@umbel/protocol";
import { type OutboxRow, outboxRepository, type Store, type Tx } from "../../store/index.js";
import { errorText } from "./error-text.js";

/** Source: money.md §12, §20. */
export const OUTBOX_LIMITS = {
  /** How long a worker has a job for itself. A handler is told to stop a little earlier. */
  lease_ms: 60_000,
  handler_ms: 55_000,
  /** Wait before the second attempt; it doubles. */
  backoff_ms: 5_000,
  backoff_ms_max: 3_600_000,
  /** After so many a job is dead whatever its handler thinks: about two months of hourly attempts. */
  attempts_max: 1_500,
  /** Jobs of one worker at once. */
  atOnce_max: 8,
  /** How long jobs that are done are kept. */
  keptDone_ms: 30 * 24 * 3_600_000,
} as const;

/** One piece of work, as its handler sees it. It may have been begun, or even done, before. */
export interface Job {
  readonly kind: string;
  readonly aggregateId: string;
  readonly payload: unknown;
  /** 1 at the first time. */
  readonly attempt: number;
  readonly age_ms: number;
}

/** What has become of a job: it is done; it is to be tried again, by the usual backoff unless it says when; or nobody but a person can help. */
export type Verdict =
  | { readonly end: "done" }
  | { readonly end: "later"; readonly after_ms?: number; readonly error?: string }
  | { readonly end: "dead"; readonly error: string };

export const DONE: Verdict = { end: "done" };

/** Does one kind of work; called at least once, so that a repetition must change nothing. What it throws is tried again. */
export type JobHandler = (job: Job, signal: AbortSignal) => Promise<Verdict>;

export interface NewJob {
  readonly kind: string;
  /** What the work is for. */
  readonly aggregateId: string;
  /** The same work is enqueued once. */
  readonly idempotencyKey: string;
  readonly payload?: unknown;
  /** Default: at once. */
  readonly after_ms?: number;
}

export type OutboxEvent =
  | {
      readonly type: "job_postponed";
      readonly kind: string;
      readonly aggregateId: string;
      readonly attempt: number;
      readonly error: string;
    }
  /** For a person to look at. */
  | { readonly type: "job_dead"; readonly kind: string; readonly aggregateId: string; readonly error: string };

export interface Outbox {
  /** As part of the transaction that makes the work necessary. False when it was enqueued before. */
  enqueue(tx: Tx, job: NewJob): Promise<boolean>;
  /** Works off what is due, of one aggregate or of all, until nothing is. @returns how many jobs were begun */
  runDue(aggregateId?: string): Promise<number>;
  /** Removes jobs that have long been done. */
  sweep(): Promise<void>;
  /** Lets jobs under way end, and begins none. */
  close(): Promise<void>;
}

export interface OutboxOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Unique to this start of the coordinator. */
  readonly owner: string;
  /** Who does work of a kind. */
  readonly handlers: (kind: string) => JobHandler | undefined;
  readonly onEvent: (event: OutboxEvent) => void;
}

/** Work with the world outside. Any number of workers may share one database; a job whose worker dies is another's after its lease. */
export function createOutbox({ store, clock, owner, handlers, onEvent }: OutboxOptions): Outbox {
  const underWay = new Set<Promise<number>>();
  let closed = false;

  async function verdictOf(row: OutboxRow): Promise<Verdict> {
    const handle = handlers(row.kind);
    if (handle === undefined) return { end: "dead", error: "nothing here does such work" };
    const stop = new AbortController();
    const cancel = clock.setTimer(OUTBOX_LIMITS.handler_ms, () => stop.abort(new Error("the job took too long")));
    const { kind, aggregateId, payload, attempts: attempt } = row;
    const age_ms = clock.date().getTime() - row.createdAt.getTime();
    try {
      return await handle({ kind, aggregateId, payload, attempt, age_ms }, stop.signal);
    } catch (error) {
      return { end: "later", error: errorText(error) };
    } finally {
      cancel();
    }
  }

  async function work(row: OutboxRow): Promise<void> {
    const verdict = await verdictOf(row);
    const held = { id: row.id, owner };
    const at = clock.date();
    if (verdict.end === "done") {
      await outboxRepository.finish(store.db, held, { state: "done", at });
      return;
    }
    const { kind, aggregateId, attempts: attempt } = row;
    const error = verdict.error ?? "";
    if (verdict.end === "dead" || attempt >= OUTBOX_LIMITS.attempts_max) {
      if (await outboxRepository.finish(store.db, held, { state: "dead", at, error }))
        onEvent({ type: "job_dead", kind, aggregateId, error });
      return;
    }
    const after_ms = verdict.after_ms ?? backoff_ms(attempt);
    const postponed = await outboxRepository.postpone(store.db, held, { nextAt: new Date(at.getTime() + after_ms), error });
    if (postponed && error !== "") onEvent({ type: "job_postponed", kind, aggregateId, attempt, error });
  }

  async function runAll(aggregateId: string | undefined): Promise<number> {
    let begun = 0;
    while (!closed) {
      const now = clock.date();
      const claim = { owner, now, leaseUntil: new Date(now.getTime() + OUTBOX_LIMITS.lease_ms), limit: OUTBOX_LIMITS.atOnce_max };
      const rows = await outboxRepository.claim(store.db, { ...claim, ...(aggregateId === undefined ? {} : { aggregateId }) });
      if (rows.length === 0) break;
      begun += rows.length;
      await Promise.all(rows.map(work));
    }
    return begun;
  }

  return {
    async enqueue(tx, { kind, aggregateId, idempotencyKey, payload = {}, after_ms = 0 }) {
      const createdAt = clock.date();
      const nextAt = new Date(createdAt.getTime() + after_ms);
      return outboxRepository.enqueue(tx, { kind, aggregateId, idempotencyKey, payload, nextAt, createdAt });
    },
    runDue(aggregateId) {
      const run = runAll(aggregateId).finally(() => underWay.delete(run));
      underWay.add(run);
      return run;
    },
    async sweep() {
      await outboxRepository.removeDone(store.db, new Date(clock.date().getTime() - OUTBOX_LIMITS.keptDone_ms));
    },
    async close() {
      closed = true;
      await Promise.allSettled(underWay);
    },
  };
}

/** Before the attempt after this one. */
export function backoff_ms(attempt: number): number {
  const { backoff_ms: first, backoff_ms_max: most } = OUTBOX_LIMITS;
  return Math.min(first * 2 ** Math.min(attempt - 1, 20), most);
}
