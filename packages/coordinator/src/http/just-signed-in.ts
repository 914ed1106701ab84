import { ApiError } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { Principal } from "../accounts/index.js";

/** How long somebody who has signed in counts as just having done so, where money or an account is at stake. Source: money.md §16. */
export const CONFIRMED_ms = 5 * 60_000;

/** @throws ApiError 403 for whoever has not signed in within the last minutes */
export function refuseStaleSession({ session }: Principal, clock: Pick<Clock, "date">): void {
  if (session !== undefined && clock.date().getTime() - session.provenAt.getTime() <= CONFIRMED_ms) return;
  const message = "this needs a sign-in of the last minutes — sign in again, then repeat it";
  throw new ApiError({ status: 403, code: "confirmation_required", message });
}
