import { CliError } from "../exit-codes.js";
import { type ProviderStatus, statusOf } from "../provider/ask.js";
import { lastRun, launchInBackground, readyWithin } from "../provider/background.js";
import { type ProviderPlaces, providerPlaces } from "../provider/places.js";
import { stopAndWait } from "../provider/stop.js";
import { installedService } from "../run/provider-service.js";
import { type Runner, systemRunner } from "../service/run-step.js";
import { serviceState, startService } from "../service/service.js";
import type { StartAgain } from "./switch-version.js";

/** Source: provider.md §18; loading and verifying large models takes its time. */
const HEALTHY_within_ms = 300_000;
/** A provider that did not reach its coordinator before need not reach it now. */
const UNCONNECTED_within_ms = 30_000;
const UP: readonly string[] = ["serving", "resting"];

/** A provider that runs on this home while its program is replaced. */
export interface RunningProvider {
  readonly status: ProviderStatus;
  /** Lets running answers finish and stops it. @throws CliError when it does not stop */
  drain(onStopping: (running: number) => void): Promise<void>;
  /** What has started it, and starts it again; undefined where that is not known. */
  readonly keptBy: "service" | "background" | undefined;
  /** Undefined for one that something unknown has started: that has to start it again. */
  readonly startAgain: StartAgain | undefined;
}

export async function runningProvider(
  options: { readonly home?: string },
  run: Runner = systemRunner,
): Promise<RunningProvider | undefined> {
  const places = providerPlaces(options);
  const status = await statusOf(places.home);
  if (status === undefined) return undefined;
  return {
    status,
    drain: async (onStopping) => void (await stopAndWait(places.home, false, onStopping)),
    ...(await starterOf(options, places, status, run)),
  };
}

async function starterOf(
  options: { readonly home?: string },
  places: ProviderPlaces,
  before: ProviderStatus,
  run: Runner,
): Promise<Pick<RunningProvider, "keptBy" | "startAgain">> {
  const within_ms = before.connected || before.coordinator === null ? HEALTHY_within_ms : UNCONNECTED_within_ms;
  const service = installedService(options);
  const state = service === undefined ? undefined : await serviceState(service, run);
  if (service !== undefined && state?.pid === before.pid) {
    const startAgain = attempt(places, before, async () => {
      await startService(service, run);
      return readyWithin(places.home, within_ms);
    });
    return { keptBy: "service", startAgain };
  }
  const last = lastRunOf(places);
  if (last?.pid !== before.pid) return { keptBy: undefined, startAgain: undefined };
  const startAgain = attempt(places, before, () => launch(places, last.args, within_ms));
  return { keptBy: "background", startAgain };
}

/** One that is not heard of, or does not answer, is ended: it would stand in the way of the one that takes its place. */
async function launch(places: ProviderPlaces, args: readonly string[], within_ms: number): Promise<ProviderStatus | undefined> {
  const { ready, kill } = launchInBackground(places, args, within_ms);
  const status = await ready.catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  if (status === undefined) await kill();
  return status;
}

function attempt(places: ProviderPlaces, before: ProviderStatus, start: () => Promise<ProviderStatus | undefined>): StartAgain {
  return async (version) => {
    try {
      // What came up wrongly, if anything did, makes way.
      if ((await statusOf(places.home)) !== undefined) await stopAndWait(places.home, true, () => undefined);
      return judge(await start(), before, version);
    } catch (error) {
      if (error instanceof CliError) return error.message;
      throw error;
    }
  };
}

/** @returns why a provider that was started again is not as it should be */
export function judge(status: ProviderStatus | undefined, before: ProviderStatus, version: string): string | undefined {
  if (status === undefined) return "it was not heard of after its start";
  if (status.version !== version) return `${status.version} was started, and not ${version}: install the service anew with this program`;
  const failures = status.load_failures.filter(({ build }) => !before.load_failures.some((known) => known.build === build));
  if (failures.length > 0) return `it could not load ${failures.map(({ build, code }) => `${build} (${code})`).join(", ")}`;
  if (UP.includes(status.phase) || (status.phase === "connecting" && !before.connected)) return undefined;
  return status.phase === "connecting" ? "it did not get registered with the coordinator" : `it is ${status.phase}`;
}

function lastRunOf(places: ProviderPlaces): ReturnType<typeof lastRun> | undefined {
  try {
    return lastRun(places);
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}
