import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { statusOf, tell } from "../provider/ask.js";
import { lastArguments, startInBackground } from "../provider/background.js";
import { duration_ms } from "../provider/durations.js";
import { providerPlaces } from "../provider/places.js";

const LOOK_EVERY_ms = 100;
/** Beyond the grace that running answers have, for the worker to leave and the connection to close. */
const LEAVE_ms = 30_000;
/** The longest grace there is. */
const GRACE_ms_max = 600_000;

interface ControlOptions {
  readonly home?: string;
  readonly json?: boolean;
}

/** `umbel provider stop`: lets running answers finish, then waits until the process has ended. */
export async function stopProvider(options: ControlOptions & { readonly now?: boolean }): Promise<void> {
  const output = createOutput(options);
  const { home } = providerPlaces(options);
  const pid = await stopAndWait(home, options.now === true, (running) => {
    if (running > 0) output.note(`${running} running answers may finish; --now ends them.`);
  });
  output.result({ stopped: true, pid });
  output.line(`The provider (process ${pid}) has stopped.`);
}

/** `umbel provider restart`: stops it, if it runs, and starts it as it was started last. */
export async function restartProvider(options: ControlOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const args = lastArguments(places);
  if ((await statusOf(places.home)) !== undefined) await stopAndWait(places.home, false, () => output.note("Stopping it …"));
  await startInBackground(places, args, output);
}

/** `umbel provider pause`: no work, and the memory back, until resumed or for a while. */
export async function pauseProvider(options: ControlOptions & { readonly for?: string }): Promise<void> {
  const output = createOutput(options);
  const for_ms = options.for === undefined ? null : duration_ms("--for", options.for);
  await tell(providerPlaces(options).home, "pause", { for_ms });
  output.result({ paused: true, for_seconds: for_ms === null ? null : for_ms / 1_000 });
  output.line(
    `Paused ${options.for === undefined ? "until you resume it: umbel provider resume" : `for ${options.for}`}. What runs may finish.`,
  );
}

/** `umbel provider resume` */
export async function resumeProvider(options: ControlOptions): Promise<void> {
  const output = createOutput(options);
  await tell(providerPlaces(options).home, "resume");
  output.result({ paused: false });
  output.line("The provider takes work again.");
}

async function stopAndWait(home: string, now: boolean, onStopping: (running: number) => void): Promise<number> {
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
