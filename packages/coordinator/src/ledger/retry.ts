import type { Clock } from "@umbel/protocol";
import { databaseFailure, STATEMENT_TIMEOUT_MS } from "../store/index.js";
import { LedgerUnavailableError } from "./types.js";

/** Time to connect plus time for a statement; over a dead line the server cannot tell us of its own timeout. */
export const ANSWER_TIMEOUT_MS = 2 * STATEMENT_TIMEOUT_MS;
const CONFLICT_ATTEMPTS_MAX = 5;
const CONFLICT_WAIT_MS = 20;
const OUTAGE_WAIT_MS = 100;
const OUTAGE_WAIT_MS_MAX = 30_000;

export interface RetryOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Does something with the database; gives up, and withdraws what waits there, when the signal aborts. */
export type Statement<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Runs a money statement, again when it lost against a concurrent one (money.md §5: at most 5 times, with jitter).
 *
 * @throws LedgerUnavailableError when the database gave no answer within `ANSWER_TIMEOUT_MS`: the statement may or may not have happened
 */
export async function attempt<T>(statement: Statement<T>, { clock, random }: RetryOptions): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await withinDeadline(statement, clock);
    } catch (error) {
      const failure = databaseFailure(error);
      if (failure === "unavailable" || (failure === "conflict" && tries === CONFLICT_ATTEMPTS_MAX)) {
        throw new LedgerUnavailableError("the database does not answer", { cause: error });
      }
      if (failure !== "conflict") throw error;
      await wait(clock, CONFLICT_WAIT_MS * tries * random());
    }
  }
}

async function withinDeadline<T>(statement: Statement<T>, clock: Clock): Promise<T> {
  const giveUp = new AbortController();
  let cancelTimer: () => void = () => undefined;
  const deadline = new Promise<never>((_, reject) => {
    cancelTimer = clock.setTimer(ANSWER_TIMEOUT_MS, () => {
      reject(new LedgerUnavailableError("the database did not answer in time"));
      giveUp.abort();
    });
  });
  try {
    return await Promise.race([statement(giveUp.signal), deadline]);
  } finally {
    cancelTimer();
  }
}

/** Repeats through outages of any length, until the statement is answered or `signal` aborts (then rejects with its reason). */
export async function persist<T>(
  statement: Statement<T>,
  options: RetryOptions & { readonly signal: AbortSignal; readonly onRetry: (tries: number) => void },
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(statement, options);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError)) throw error;
      options.onRetry(tries);
      await wait(options.clock, Math.min(OUTAGE_WAIT_MS * 2 ** (tries - 1), OUTAGE_WAIT_MS_MAX), options.signal);
    }
  }
}

/** Rejects with the signal's reason as soon as it aborts. */
export function wait(clock: Clock, delay_ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    if (delay_ms <= 0) return resolve();
    const stop = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.setTimer(delay_ms, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
  });
}
