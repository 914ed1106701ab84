import { existsSync } from "node:fs";
import path from "node:path";
import { type ReleaseClaims, type ReleaseRecord, releasePrecedence } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import { withLock } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, type Output } from "../output.js";
import { createProgressLine } from "../progress-line.js";
import { readConfigFile } from "../provider/config-file.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { PROVIDER_SETTINGS } from "../provider/settings.js";
import { readReleaseKeys, writeReleaseKeys } from "../releases/release-keys.js";
import { finishInstallation, placeLauncher, prepareInstallation } from "../update/install-into.js";
import { ownInstallation } from "../update/installation.js";
import { type InstallationPlaces, PLATFORM } from "../update/layout.js";
import { offeredRelease, recordedRelease, signedRelease } from "../update/offered-release.js";
import { otherInstallation } from "../update/other-installation.js";
import { readPointer } from "../update/pointer.js";
import { runningProvider } from "../update/running-provider.js";
import { adoptUnpacked, removeOtherVersions, stageRelease } from "../update/stage-release.js";
import { switchVersion } from "../update/switch-version.js";
import { VERSION } from "../version.js";

export interface UpdateOptions {
  readonly home?: string;
  readonly config?: string;
  readonly coordinator?: string;
  readonly channel: string;
  readonly check?: boolean;
  readonly allowDowngrade?: boolean;
  /** Also what was tried before and did not come up. */
  readonly again?: boolean;
  /** Make an installation of its own in this folder. */
  readonly into?: string;
  readonly releaseKey?: string;
  /** What the script that installs has fetched for `into`, and what it was told of it. */
  readonly unpacked?: string;
  readonly record?: string;
  /** This release instead of the newest. */
  readonly release?: string;
  /** Back to the version before. */
  readonly back?: boolean;
  readonly json?: boolean;
}

/** `umbel provider update`: the newest release that the coordinator offers takes the place of this one, or says why not. */
export async function updateProvider(options: UpdateOptions): Promise<void> {
  const output = createOutput(options);
  if (options.channel !== "stable" && options.channel !== "beta") {
    throw new CliError(`There is no channel "${options.channel}".`, EXIT_CODES.usage, "Use stable or beta.");
  }
  const own = ownInstallation();
  if (options.back === true) {
    await alone(own ?? notManaged(), output, (places) => goBack(places, options, output));
    return;
  }
  if (options.into !== undefined && options.unpacked !== undefined && options.record !== undefined) {
    await installInto(options.into, await recordedRelease(options.record), options, output);
    return;
  }
  const running = (await runningProvider(options).catch(() => undefined))?.status;
  const coordinator = coordinatorOf(options, running?.coordinator);
  const latest = await offeredRelease(coordinator, {
    ...{ channel: options.channel, version: options.release, device: running?.machine_id ?? undefined },
  });
  if (options.into !== undefined) {
    await installInto(options.into, latest, options, output);
    return;
  }
  const isNewer = latest !== undefined && releasePrecedence(latest.version, VERSION) > 0;
  const isOlder = latest !== undefined && releasePrecedence(latest.version, VERSION) < 0;
  const isWanted = isNewer || (isOlder && options.allowDowngrade === true);
  const other = own === undefined && isWanted ? otherInstallation(latest.version) : undefined;
  const about = {
    ...{ installed: VERSION, platform: PLATFORM, channel: options.channel, latest: latest?.version ?? null, update_available: isNewer },
    ...{
      changelog: latest?.changelog ?? null,
      managed: own !== undefined,
      how: other?.command ?? (isWanted ? "umbel provider update" : null),
    },
  };
  if (latest === undefined || !isWanted) {
    output.result({ ...about, updated: false });
    if (latest === undefined) output.line(`${coordinator} offers no release for ${PLATFORM}. This is ${VERSION}.`);
    else
      output.line(
        `This is ${VERSION}, and nothing newer is offered (${latest.version}).${isOlder ? " --allow-downgrade would go back to it." : ""}`,
      );
    return;
  }
  output.line(`${latest.version} is offered; this is ${VERSION}.`);
  if (latest.changelog !== "") output.line(withoutControls(latest.changelog));
  if (options.check === true || own === undefined) {
    output.result({ ...about, updated: false });
    if (other === undefined) output.line("Nothing was fetched. To update: umbel provider update");
    else output.line(`Nothing was fetched: this is ${other.kind}, which Umbel does not manage. To update it: ${other.command}`);
    if (options.check !== true) process.exitCode = EXIT_CODES.update;
    return;
  }
  await alone(own, output, (places) => update(places, latest, { options, output, about }));
}

/** The one that was named, else the one that is served: it need not be written down for every update. */
function coordinatorOf(options: UpdateOptions, served: string | null | undefined): string {
  const { values, shown } = resolveSettings({ ...options }, process.env, readConfigFile(providerPlaces(options).configFile));
  const isNamed = shown.some(({ key, source }) => key === PROVIDER_SETTINGS.coordinatorUrl.key && source !== "default");
  return (isNamed ? undefined : served) ?? values.coordinatorUrl ?? "";
}

async function update(
  places: InstallationPlaces,
  latest: ReleaseRecord,
  { options, output, about }: { readonly options: UpdateOptions; readonly output: Output; readonly about: object },
): Promise<void> {
  const claims = await signedRelease(await readReleaseKeys(places.keys), latest);
  await assertUntried(places, claims.version, options);
  await fetchRelease(places, latest, claims);
  const outcome = await change(places, claims.version, options, output);
  if (outcome.kind === "rolled_back") await removeOtherVersions(places, [VERSION, (await readPointer(places)).previous]);
  else {
    if (claims.next_keys.length > 0) await writeReleaseKeys(places.keys, claims.next_keys);
    await placeLauncher(places, claims.version);
    await removeOtherVersions(places, [claims.version, VERSION]);
  }
  output.result({ ...about, updated: outcome.kind !== "rolled_back", ...inJson(outcome) });
  tell(outcome, claims.version, VERSION, output);
}

/** A timer that updates would else stop the provider again and again for a release that does not come up. */
async function assertUntried(places: InstallationPlaces, version: string, { again = false }: UpdateOptions): Promise<void> {
  const { failed } = await readPointer(places);
  if (again || failed?.version !== version) return;
  const remedy = "Wait for the next release, or try it once more with --again.";
  throw new CliError(`${version} was tried ${failed.at} and did not come up: ${failed.why}.`, EXIT_CODES.update, remedy);
}

async function goBack(places: InstallationPlaces, options: UpdateOptions, output: Output): Promise<void> {
  const { version, previous } = await readPointer(places);
  if (previous === null || !existsSync(path.join(places.versions, previous))) {
    throw new CliError(`There is no version before ${version} to go back to.`, EXIT_CODES.update, "See umbel provider update --check.");
  }
  const outcome = await change(places, previous, options, output);
  output.result({ installed: version, updated: outcome.kind !== "rolled_back", latest: previous, ...inJson(outcome) });
  tell(outcome, previous, version, output);
}

type Outcome = Awaited<ReturnType<typeof switchVersion>> & { readonly mustRestart?: boolean };

/** Drains the provider that runs, if one does, switches, and starts it again. */
async function change(places: InstallationPlaces, version: string, options: UpdateOptions, output: Output): Promise<Outcome> {
  const running = await runningProvider(options);
  const now = (): Date => new Date();
  if (running?.startAgain === undefined) {
    return { ...(await switchVersion(places, version, { startAgain: undefined, now })), mustRestart: running !== undefined };
  }
  output.note("Stopping the provider …");
  await running.drain((count) => {
    if (count > 0) output.note(`${count} running answers may finish.`);
  });
  output.note(`Starting ${version} …`);
  return switchVersion(places, version, { startAgain: running.startAgain, now });
}

function inJson(outcome: Outcome): object {
  return {
    restarted: outcome.kind === "kept",
    takes_effect: outcome.kind === "next_start" ? "next_start" : outcome.kind === "kept" ? "now" : null,
    rolled_back: outcome.kind === "rolled_back",
    why: outcome.kind === "rolled_back" ? outcome.why : null,
    still_down: outcome.kind === "rolled_back" ? (outcome.stillDown ?? null) : null,
  };
}

function tell(outcome: Outcome, version: string, before: string, output: Output): void {
  if (outcome.kind === "rolled_back") {
    process.exitCode = EXIT_CODES.update;
    output.note(`umbel: ${version} did not come up: ${outcome.why}.`);
    output.note(
      outcome.stillDown === undefined
        ? `  ${before} was put back and serves again. Tell whoever makes the releases.`
        : `  ${before} was put back, and does not come up either: ${outcome.stillDown}. See umbel provider doctor.`,
    );
  } else if (outcome.kind === "kept") output.line(`Updated: the provider runs ${version} now.`);
  else if (outcome.mustRestart === true) output.line(`${version} is in place. What has started the provider must start it again.`);
  else output.line(`${version} is in place; the next start runs it.`);
}

/** A first version in a folder of its own, held to a key that was got elsewhere. */
async function installInto(directory: string, latest: ReleaseRecord | undefined, options: UpdateOptions, output: Output): Promise<void> {
  if (options.releaseKey === undefined) {
    throw new CliError(
      "A new installation has to be told whose releases it takes.",
      EXIT_CODES.usage,
      "Give --release-key <file> with the public key of whoever makes them, got by a way that you trust.",
    );
  }
  if (latest === undefined) {
    throw new CliError(
      `The coordinator offers no release${options.release === undefined ? "" : ` ${options.release}`} for ${PLATFORM}.`,
      EXIT_CODES.update,
      "Ask its operator, or use the npm package.",
    );
  }
  const keys = await readReleaseKeys(options.releaseKey);
  const claims = await signedRelease(keys, latest);
  const target = await prepareInstallation(directory);
  await alone(target, output, async (places) => {
    if (options.unpacked === undefined) await fetchRelease(places, latest, claims);
    else await adoptUnpacked(places, claims, path.resolve(options.unpacked));
    await finishInstallation(places, claims.version, claims.next_keys.length > 0 ? claims.next_keys : keys);
  });
  const command = path.join(target.root, "bin", "umbel");
  output.result({ installed: claims.version, into: target.root, command });
  output.line(`Installed ${claims.version} into ${target.root}. Put ${path.dirname(command)} on your PATH, or run ${command}.`);
  output.line(`To have a service run it: ${command} provider service install. To update it: ${command} provider update.`);
}

async function fetchRelease(places: InstallationPlaces, { url }: ReleaseRecord, claims: ReleaseClaims): Promise<void> {
  const stop = new AbortController();
  const remedy = "What has come is kept: run the same command again to go on.";
  const interrupt = (): void => stop.abort(new CliError("Interrupted.", EXIT_CODES.interrupted, remedy));
  process.once("SIGINT", interrupt);
  const progress = createProgressLine(`Umbel ${claims.version}`);
  try {
    await stageRelease(places, claims, { url, clock: systemClock, signal: stop.signal, onProgress: progress.update });
  } finally {
    progress.clear();
    process.removeListener("SIGINT", interrupt);
  }
}

/** One update of an installation at a time. */
async function alone(places: InstallationPlaces, output: Output, task: (places: InstallationPlaces) => Promise<void>): Promise<void> {
  const onWait = (): void => output.note("Another update is under way; waiting for it …");
  const options = { clock: systemClock, signal: new AbortController().signal, onWait };
  await withLock(path.join(places.root, ".update.lock"), options, () => task(places));
}

function notManaged(): never {
  throw new CliError(
    "Umbel does not manage this installation itself.",
    EXIT_CODES.update,
    "Go back with what has installed it: npm or git.",
  );
}

/** A terminal would obey what a coordinator writes. */
function withoutControls(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, "");
}
