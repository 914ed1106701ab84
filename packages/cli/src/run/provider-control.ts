import { createOutput } from "../output.js";
import { statusOf, tell } from "../provider/ask.js";
import { lastRun, readyWithin, startInBackground } from "../provider/background.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { forgetCrashes } from "../provider/crash-guard.js";
import { duration_ms } from "../provider/durations.js";
import { phaseInWords } from "../provider/in-words.js";
import { providerPlaces } from "../provider/places.js";
import { stopAndWait } from "../provider/stop.js";
import { systemRunner } from "../service/run-step.js";
import { assertManager, startService } from "../service/service.js";
import { installedService } from "./provider-service.js";

interface ControlOptions extends PlaceOptions {
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

/** `umbel provider restart`: stops it, if it runs, and starts it as it was started last; a service by what keeps it. */
export async function restartProvider(options: ControlOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const service = installedService(options);
  if (service !== undefined) {
    await assertManager(service, systemRunner);
    if ((await statusOf(places.home)) !== undefined) await stopAndWait(places.home, false, () => output.note("Stopping it …"));
    forgetCrashes(places);
    await startService(service, systemRunner);
    const status = await readyWithin(places.home);
    output.result({ service: true, pid: status?.pid ?? null, log: places.log, provider: status ?? null });
    output.line(`The service was started: ${phaseInWords(status?.phase ?? "starting")}.`);
    return;
  }
  const { args } = lastRun(places);
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
