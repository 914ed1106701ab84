import { AccountsUnavailableError } from "../../../accounts/index.js";
import { databaseFailure } from "../../../store/index.js";
import { LedgerUnavailableError } from "../../types.js";

/** That the database or a payment processor does not answer is to be expected in a world, and nothing else is. */
export function ifAway(error: unknown): undefined {
  if (error instanceof LedgerUnavailableError || error instanceof AccountsUnavailableError) return undefined;
  const failure = databaseFailure(error);
  if (failure === "unavailable" || failure === "conflict") return undefined;
  if (error instanceof Error && error.name === "StripeFailure") return undefined;
  throw error;
}
