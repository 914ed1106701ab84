import type { Clock } from "@umbel/protocol";
import { DrizzleQueryError } from "drizzle-orm";
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
  } catch (error) {
    // The query builder's own error spells out the parameters, among them the hash of the secret; only its cause may reach a log.
    const cause = error instanceof DrizzleQueryError ? (error.cause ?? new Error("a statement failed")) : error;
    const failure = databaseFailure(cause);
    throw failure === "unavailable" || failure === "conflict" ? new AccountsUnavailableError({ cause }) : cause;
  } finally {
    cancel();
  }
}
