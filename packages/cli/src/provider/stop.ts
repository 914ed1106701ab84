import { CliError, EXIT_CODES } from "../exit-codes.js";
import { statusOf, tell } from "./ask.js";

const LOOK_EVERY_ms = 100;
/** Beyond the grace that running answers have, for the worker to leave and the connection to close. */
const LEAVE_ms = 30_000;
/** The longest grace there is. */
const GRACE_ms_max = 600_000;

/** Tells the provider of this home to stop and waits until its process has ended. @returns its id. @throws CliError when none runs */
export async function stopAndWait(home: string, now: boolean, onStopping: (running: number) => void): Promise<number> {
  const status = await statusOf(home);
  if (status === undefined) throw new CliError("No provider runs.", EXIT_CODES.failure, "There is nothing to stop.");
  await tell(home, "stop", { now });
  onStopping(status.in_flight);
  const deadline_ms = performance.now() + LEAVE_ms + (now ? 0 : GRACE_ms_max);
  while (performance.now() < deadline_ms) {
    const left = await statusOf(home).catch(() => status);
    if (left?.pid !== status.pid) return status.pid;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_ms));
  }
  throw new CliError(
    `The provider (process ${status.pid}) does not stop.`,
    EXIT_CODES.failure,
    `Its log says why; kill ${status.pid} ends it.`,
  );
}
