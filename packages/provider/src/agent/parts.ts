import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Clock, TrustStatus, Welcome } from "@umbel/protocol";
import { findConfinement } from "../evidence/confinement.js";
import { createGuestMonitor, type GuestMonitor, type PauseFile, type Stance, SYSTEM_SOURCES } from "../guest/index.js";
import { LocalEndpoint } from "../local/index.js";
import { readHardware } from "../machine/facts.js";
import { measureMemoryBandwidth_gbs } from "../machine/memory-bandwidth.js";
import { storeLayout } from "../models/disk/store-layout.js";
import { NO_SESSION } from "../session/no-session.js";
import { proxyFor } from "../session/proxy.js";
import { createSession, type Session } from "../session/session.js";
import { Conduct } from "./conduct.js";
import { openLibrary } from "./library.js";
import { ModelCommands } from "./model-commands.js";
import { OfferedBuilds } from "./offered-builds.js";
import type { AgentOptions, ProviderDependencies } from "./options.js";
import { PrefixCacheFolder } from "./prefix-cache-folder.js";
import { ProviderError, startFailureError } from "./provider-error.js";
import { Relay } from "./relay.js";
import { selectModels } from "./select-models.js";
import { SelfReport } from "./self-report.js";
import type { Standing } from "./standing.js";
import { readMeasuredRates } from "./stored-rates.js";
import { SupersededBuilds } from "./superseded-builds.js";
import { Troubles } from "./troubles.js";
import { troublesParts } from "./troubles-parts.js";
import { providerVersion } from "./version.js";
import { type Ready, type WorkerState, WorkerSupervisor } from "./worker-supervisor.js";

/** The worker as it is built. */
const ownWorkerEntry = fileURLToPath(new URL("../../bundle/worker.js", import.meta.url));

/** What an agent is made of. */
export interface Parts {
  readonly session: Session;
  readonly supervisor: WorkerSupervisor;
  readonly relay: Relay;
  readonly commands: ModelCommands;
  readonly builds: OfferedBuilds;
  readonly superseded: SupersededBuilds;
  readonly conduct: Conduct;
  readonly monitor: GuestMonitor;
  readonly report: SelfReport;
  readonly endpoint: LocalEndpoint | undefined;
  readonly troubles: Troubles;
  /** To be told when the machine slept. */
  readonly onWake: (slept_ms: number) => void;
}

export interface PartsContext {
  readonly options: AgentOptions;
  readonly dependencies: ProviderDependencies;
  readonly clock: Clock;
  readonly keyDirectory: string;
  readonly pauseFile: PauseFile;
  readonly standing: Standing;
  /** Whether it is still to be assembled: it may be stopped meanwhile. */
  readonly isWanted: () => boolean;
  /** Sees to a step that nobody waits for. */
  readonly supervise: (task: Promise<void>) => void;
}

/** What changes the agent's own life. */
export interface PartsEvents {
  readonly onReady: (ready: Ready) => Promise<void>;
  readonly onState: (state: WorkerState) => void;
  /** What the worker offers is another. */
  readonly onModels: () => Promise<void>;
  readonly onWorkerLost: () => void;
  readonly onRegistered: (welcome: Welcome) => void;
  readonly onTrust: (status: TrustStatus) => void;
  readonly onDisconnected: () => void;
  /** It cannot go on. */
  readonly onFailed: (error: ProviderError) => Promise<void>;
}

/** Makes the parts of an agent and joins them; nothing runs yet. Undefined when it is not wanted any more. */
export async function assembleParts(context: PartsContext, events: PartsEvents): Promise<Parts | undefined> {
  const { options, dependencies, clock, keyDirectory, standing, supervise } = context;
  const { home, modelsDirectory: place, engine, models: wanted, coordinatorUrl, local, authToken, privateOnly, location } = options;
  const { logger, random = Math.random, workerEntry: entry = ownWorkerEntry } = dependencies;
  const { proxyFor: proxyOf = (address: string) => proxyFor(address, process.env) } = dependencies;
  const {
    modelsResident_max: residentModels_max,
    modelsMemory_gb_max,
    memoryReserve_gb,
    idleUnload_minutes,
    prefixCacheDisk_gb_max,
  } = options;
  const { sequences, contextLength_tokens_max } = options;
  const shape = { sequences, contextLength_tokens_max };
  const library = openLibrary(options, clock);
  const models = await selectModels(wanted, engine.kind, library.store, shape);
  const modelsDirectory = storeLayout({ home, modelsDirectory: place }).root;
  await mkdir(modelsDirectory, { recursive: true });
  const [confinement, found] = await Promise.all([findConfinement(), readHardware()]);
  const infos = models.map(({ info }) => info);
  const measured = await readMeasuredRates(home, infos, engine, found);
  const hardware = { ...found, memory_bandwidth_gbs: measureMemoryBandwidth_gbs(() => clock.now_ms()) };
  if (!context.isWanted()) return undefined;
  const supervisor = new WorkerSupervisor({
    ...{ entry, engine, models, modelsDirectory, confinement, clock, random, logger, measured, keyDirectory },
    ...(residentModels_max !== undefined && { residentModels_max }),
    ...(modelsMemory_gb_max !== undefined && { modelsMemory_bytes_max: modelsMemory_gb_max * 2 ** 30 }),
    ...(memoryReserve_gb !== undefined && { memoryReserve_bytes: memoryReserve_gb * 2 ** 30 }),
    ...(prefixCacheDisk_gb_max !== undefined && {
      prefixCache: new PrefixCacheFolder({ home, bytes_max: prefixCacheDisk_gb_max * 1e9, logger }),
    }),
    ...(idleUnload_minutes > 0 && { idleUnload_ms: idleUnload_minutes * 60_000 }),
    onReady: (ready) => supervise(events.onReady(ready)),
    onState: (state) => {
      commands.onState(state);
      events.onState(state);
    },
    onLoadStatus: (status) => commands.onLoadStatus(status),
    onModels: (offered) => {
      commands.onModels(offered);
      builds.onModels(offered);
      supervise(events.onModels());
    },
    onOfferRefused: (failure) => builds.onRefused(failure),
    // Each knows its own requests and leaves the others alone.
    onForward: (message) => {
      relay.onForward(message);
      endpoint?.requests.onForward(message);
    },
    onFrame: (frame) => {
      relay.onFrame(frame);
      endpoint?.requests.onFrame(frame);
    },
    onEnded: (end) => troubles.onWorkerEnd(end),
    onLost: () => {
      standing.onWorkerLost();
      relay.onWorkerLost();
      endpoint?.requests.onWorkerLost();
      events.onWorkerLost();
    },
    onFailed: (code) => supervise(events.onFailed(startFailureError(code, keyDirectory))),
  });
  const session =
    coordinatorUrl === undefined
      ? NO_SESSION
      : createSession({
          ...{ coordinatorUrl, clock, random, logger, proxyFor: proxyOf },
          ...(dependencies.outbound !== undefined && { outbound: dependencies.outbound }),
          handlers: {
            register: () => report.register(),
            signChallenge: (challenge, sessionId) => supervisor.sign({ type: "sign_challenge", challenge, sessionId }),
            heartbeat: () => report.heartbeat(),
            onRegistered: (welcome) => {
              standing.onRegistered(welcome);
              events.onRegistered(welcome);
            },
            onRequest: (request) => relay.onRequest(request),
            onBody: (frame) => relay.onBody(frame),
            onCancel: (id) => relay.onCancel(id),
            onHold: (message) => relay.onHold(message),
            onTrust: (status) => {
              standing.onTrust(status);
              troubles.onTrust(status);
              events.onTrust(status);
            },
            onRuntime: (status) => {
              standing.onRuntime(status);
              const { verified, enforced, mismatches } = status;
              if (verified) logger.info({}, "the coordinator knows this machine's program now");
              else logger.warn({ enforced, mismatches }, "this machine's program is none of the coordinator's releases; update it");
            },
            onModels: (message) => supervise(commands.onMessage(message)),
            onGoingAway: () => relay.onGoingAway(),
            onDrained: () => relay.onDrained(),
            onDisconnected: (cause) => {
              if (cause !== undefined) troubles.onConnectionLost(cause);
              standing.onDisconnected();
              events.onDisconnected();
              relay.onDisconnected();
            },
          },
          onRefused: (error) => supervise(events.onFailed(new ProviderError(error.code, error.message, { cause: error }))),
        });
  const relay = new Relay(session, supervisor);
  const builds = new OfferedBuilds({ home, modelsDirectory: place, shape, library, worker: supervisor, wanted: () => commands.wanted });
  const superseded = new SupersededBuilds({
    ...{ home, store: library.store, clock, logger },
    offered: () => supervisor.ready?.models ?? [],
    wanted: () => commands.wanted,
  });
  const commands = new ModelCommands({
    ...{ coordinator: session, worker: supervisor, builds, clock, logger },
    onDisplaced: (build) => supervise(superseded.displaced(build)),
  });
  const endpoint =
    local &&
    new LocalEndpoint({
      ...{ home, clock, logger, version: providerVersion },
      options: local,
      worker: supervisor,
      figures: () => report.figures(),
    });
  const onWake = (slept_ms: number): void => {
    logger.info({ slept_s: Math.round(slept_ms / 1000) }, "the machine slept; connecting anew");
    session.reconnect();
    endpoint?.requests.onWake();
  };
  const residents = () => standing.residents;
  const conduct = new Conduct({ session, relay, local: endpoint?.requests, commands, clock, worker: supervisor, residents });
  const report = new SelfReport({
    sources: dependencies.guestSources ?? SYSTEM_SOURCES,
    thermal: () => monitor.readings.thermal,
    ...{ standing, supervisor, relay, conduct, local: endpoint?.requests, hardware, authToken, privateOnly, location, residentModels_max },
    runtimeHash: options.runtimeHash,
  });
  const troubles = new Troubles({
    ...troublesParts(context, hardware),
    ...{ residents, inFlight: () => report.inFlight },
  });
  const monitor = await watchHost(context, (stance) => {
    troubles.onStance(stance);
    return conduct.adopt(stance);
  });
  return { session, supervisor, relay, commands, builds, superseded, conduct, monitor, report, endpoint, troubles, onWake };
}

async function watchHost(context: PartsContext, adopt: (stance: Stance) => Promise<void>): Promise<GuestMonitor> {
  const { options, clock, pauseFile, supervise } = context;
  const { guestSources, logger } = context.dependencies;
  return createGuestMonitor({
    rules: options.guest,
    clock,
    pausedUntil_ms: await pauseFile.read(),
    onChange: (stance) => {
      logger.info({ reasons: stance.reasons, share: stance.share }, stance.reasons.length > 0 ? "the machine rests" : "the machine serves");
      supervise(adopt(stance));
    },
    ...(guestSources !== undefined && { sources: guestSources }),
  });
}
