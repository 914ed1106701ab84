import type { Clock } from "@umbel/protocol";
import { databaseFailure, STATEMENT_TIMEOUT_MS } from "../store/index.js";
import { AccountsUnavailableError } from "./accounts-error.js";

/** Time to connect plus time for a statement; the server cannot tell us of its own timeout over a dead line. */
export const ANSWER_TIMEOUT_MS = 2 * STATEMENT_TIMEOUT_MS;

/**
 * The answer of the database.
 *
 * @throws AccountsUnavailableError when there is none, or none within `ANSWER_TIMEOUT_MS`
 */
export async function ask<T>(work: Promise<T>, clock: Clock): Promise<T> {
  let cancel: () => void = () => undefined;
  const deadline = new Promise<never>((_, reject) => {
    cancel = clock.setTimer(ANSWER_TIMEOUT_MS, () => reject(new AccountsUnavailableError()), "background");
  });
  try {
    return await Promise.race([work, deadline]);
  } catch (cause) {
    const failure = databaseFailure(cause);
    throw failure === "unavailable" || failure === "conflict" ? new AccountsUnavailableError({ cause }) : cause;
  } finally {
    cancel();
  }
}
