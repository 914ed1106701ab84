import path from "node:path";
import { type Clock, type ReleaseClaims, releasePrecedence } from "@umbel/protocol";
import { type ProviderAgent, withLock } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { readReleaseKeys, writeReleaseKeys } from "../releases/release-keys.js";
import { VERSION } from "../version.js";
import { placeLauncher } from "./install-into.js";
import { keepThisVersion, ownInstallation } from "./installation.js";
import type { InstallationPlaces } from "./layout.js";
import { offeredRelease, signedRelease } from "./offered-release.js";
import { readPointer } from "./pointer.js";
import { type RunningProvider, runningProvider } from "./running-provider.js";
import { removeOtherVersions, stageRelease } from "./stage-release.js";
import { switchVersion } from "./switch-version.js";
import { putOnTrial, trialOf } from "./trial.js";
import { watchReleases } from "./watch-releases.js";

interface Log {
  info(about: object, words: string): void;
  warn(about: object, words: string): void;
}

export interface UpdateFacts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly agent: Pick<ProviderAgent, "state">;
  readonly home: { readonly home?: string };
  readonly coordinator: string;
  /** As the owner wants it now; asked before every look. */
  readonly wanted: () => { readonly isOn: boolean; readonly channel: string };
  /** Default: what the provider of the home says of itself. */
  readonly running?: () => Promise<RunningProvider | undefined>;
}

/** Updates of a provider's own program while it serves. All of it does nothing where something else has put Umbel here. */
export interface OwnUpdates {
  /** Resolves when a version that is tried has not come up in time; never for another. */
  readonly overdue: Promise<"overdue">;
  /** The provider has come up, or ran out of time to: keeps this version, or goes back. @throws CliError (restart) when it goes back */
  settle(hasRegistered: boolean): Promise<void>;
  /** Begins to look for releases. Resolves when one is to take this one's place. */
  watch(): Promise<ReleaseClaims>;
  /** After the provider has ended. @param running as it was before. @returns what the process is to exit with */
  handOver(claims: ReleaseClaims, running: RunningProvider): Promise<number>;
  running(): Promise<RunningProvider | undefined>;
  state(): { readonly managed: boolean; readonly looked_at: string | null; readonly problem: string | null };
  stop(): void;
}

export async function ownUpdates(facts: UpdateFacts, places = ownInstallation()): Promise<OwnUpdates> {
  const { clock, random, log, agent } = facts;
  const trial = places === undefined ? undefined : await trialOf(places, VERSION);
  let cancelTrial = (): void => undefined;
  let watch: ReturnType<typeof watchReleases> | undefined;
  const running = facts.running ?? (() => runningProvider(facts.home).catch(() => undefined));
  return {
    running,
    overdue: new Promise((resolve) => {
      if (trial !== undefined) cancelTrial = clock.setTimer(trial.within_ms, () => resolve("overdue"), "background");
    }),
    async settle(hasRegistered) {
      cancelTrial();
      if (trial === undefined) return keepThisVersion(VERSION);
      const { phase, failures } = agent.state();
      const isReady = phase === "connecting" || phase === "serving" || phase === "resting";
      const why = trial.judge({ hasRegistered, isReady, failed_builds: failures.map(({ build }) => build) });
      if (why === undefined) return trial.keep();
      await trial.goBack(why, clock.date());
      throw new CliError(`${VERSION} did not come up: ${why}.`, EXIT_CODES.restart, "The version before runs from the next start on.");
    },
    async watch() {
      if (places === undefined) return new Promise(() => undefined);
      watch = watchReleases({
        ...{ clock, random },
        look: (signal) => look({ ...facts, running }, places, signal),
        onProblem: (problem) => log.warn({ problem }, "no newer release was taken in"),
      });
      const claims = await watch.ready;
      log.info({ version: claims.version }, "a newer release takes this one's place");
      return claims;
    },
    async handOver(claims, { keptBy, status, startAgain }) {
      if (places === undefined || keptBy === undefined || startAgain === undefined) return EXIT_CODES.ok;
      return alone(places, clock, async () => {
        const { version } = await readPointer(places);
        if (version !== VERSION) return startsAgain(version);
        if (keptBy === "service") {
          const failed_builds = status.load_failures.map(({ build }) => build);
          await putOnTrial(places, claims.version, { connected: status.connected, failed_builds, nextKeys: claims.next_keys });
          return EXIT_CODES.restart;
        }
        const outcome = await switchVersion(places, claims.version, { startAgain, now: () => clock.date() });
        if (outcome.kind === "rolled_back") {
          log.warn({ version: claims.version, why: outcome.why }, "the newer release did not come up, and this one was put back");
          return EXIT_CODES.update;
        }
        if (claims.next_keys.length > 0) await writeReleaseKeys(places.keys, claims.next_keys);
        await placeLauncher(places, claims.version);
        await removeOtherVersions(places, [claims.version, VERSION]);
        return EXIT_CODES.ok;
      }).catch((error: unknown) => {
        if (!(error instanceof CliError)) throw error;
        log.warn({ problem: error.message }, "the newer release was not put in place");
        return startsAgain(VERSION);
      });

      /** Whatever came in between, the machine serves again. */
      async function startsAgain(version: string): Promise<number> {
        if (keptBy === "background") await startAgain?.(version);
        return keptBy === "background" ? EXIT_CODES.update : EXIT_CODES.restart;
      }
    },
    state: () => ({ managed: places !== undefined, ...(watch?.state() ?? { looked_at: null, problem: null }) }),
    stop() {
      cancelTrial();
      watch?.stop();
    },
  };
}

/** One look: what is newer, wanted, signed by a key of this installation, fetched and whole. @throws CliError */
async function look(facts: Required<UpdateFacts>, places: InstallationPlaces, signal: AbortSignal): Promise<ReleaseClaims | undefined> {
  const { clock, agent, coordinator } = facts;
  const { isOn, channel } = facts.wanted();
  const { machineId, stance } = agent.state();
  // On a metered network nothing is fetched in the background; paused is paused.
  if (!isOn || !stance.fetches) return undefined;
  const latest = await offeredRelease(coordinator, { channel, device: machineId });
  if (latest === undefined || releasePrecedence(latest.version, VERSION) <= 0) return undefined;
  if (latest.channel !== "stable" && latest.channel !== channel) return undefined;
  if ((await readPointer(places)).failed?.version === latest.version) return undefined;
  if ((await facts.running())?.startAgain === undefined) {
    throw new CliError(`${latest.version} is offered, and nothing is known that would start this provider again.`, EXIT_CODES.update);
  }
  const claims = await signedRelease(await readReleaseKeys(places.keys), latest);
  const about = { url: latest.url, clock, signal, onProgress: () => undefined };
  return alone(places, clock, async () => {
    await stageRelease(places, claims, about);
    return claims;
  });
}

/** Not beside an update by hand. @throws CliError when there is one */
async function alone<T>(places: InstallationPlaces, clock: Clock, task: () => Promise<T>): Promise<T> {
  const busy = new AbortController();
  const onWait = (): void => busy.abort(new CliError("Another update of this installation is under way.", EXIT_CODES.update));
  return withLock(path.join(places.root, ".update.lock"), { clock, signal: busy.signal, onWait }, task);
}
