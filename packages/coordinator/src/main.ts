import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Clock, deviceThumbprint } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import {
  createAccounts,
  createAdministration,
  createAttempts,
  createDataRights,
  createDeviceLinking,
  createInvites,
  createPublishingKeys,
  createReferrals,
  createSessions,
} from "./accounts/index.js";
import { createStateExport } from "./backup/index.js";
import {
  type CatalogService,
  createBlobStore,
  createBundleCheck,
  createCatalog,
  createFileCheck,
  createKnownRuntimes,
  createManifestSigner,
  createReleases,
  createVerification,
  createVersionFloor,
  loadBundledModel,
} from "./catalog/index.js";
import type { Settings } from "./config/index.js";
import { createFleet } from "./fleet/index.js";
import { createHttpServer, createIdempotency, createSealing, type ServedRoute, startOperatorServer, utilizationOf } from "./http/index.js";
import { createInference, createRateLimits, unlimitedRates } from "./inference/index.js";
import { createLogger, createMetrics, createServedPlaces } from "./insight/index.js";
import { createHistory, createOwnPrices } from "./ledger/index.js";
import { createRewards } from "./rewards/index.js";
import { createStatements } from "./statements/index.js";
import { openStore } from "./store/index.js";
import { createTrust } from "./trust/index.js";
import {
  catalogKey,
  costSettings,
  createClientAddress,
  createIdempotencyStore,
  createLoops,
  createMachineSessions,
  createMachineStore,
  createSignInParts,
  createStatisticsStore,
  fleetCatalog,
  keptAdminKey,
  ownIdentity,
  readReleaseSigners,
  reportCapacity,
  reportFleet,
  reportStore,
  rewardSettings,
  secretFile,
  startBackups,
  startBooks,
  startInsight,
  startPayments,
  startRewards,
  warmPoolSettings,
  watchSettings,
} from "./wiring/index.js";

/** How often it is looked for releases that another coordinator has registered or withdrawn. */
const RUNTIMES_INTERVAL_ms = 60_000;
const PROGRAMS_AS_BEFORE = "programs of releases not looked at again";
/** How often rows that are old enough are removed. */
const SWEEP_INTERVAL_ms = 10 * 60_000;
/** Hard limit of closing HTTP connections. Source: ops.md §7.3. */
const HTTP_CLOSE_ms = 15_000;
/** What requests that a shutdown cut off have to end in the ledger. */
const CUT_REQUESTS_ms = 2_000;
const SALT_BYTES = 32;
const DAY_ms = 24 * 3_600_000;

export interface StartOptions {
  /** Directories with `manifest.json` and `catalog.json` of models that the catalogue is to have. */
  readonly bundledModels?: readonly string[];
  /** Directory of the web console's built files; without it no console is served. */
  readonly consoleDirectory?: string;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Where log lines go. Default: standard error. */
  readonly log?: { write(line: string): void };
}

export interface RunningCoordinator {
  /** Of the API, without `/v1`, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** All that its API answers. */
  readonly routes: readonly ServedRoute[];
  /** Port of `/metrics` and `/decisions/…`; undefined when they are off. */
  readonly operatorPort: number | undefined;
  /** Finishes requests in flight (at most `drainGrace_ms`), tells providers, settles, and stops. Safe to call twice. */
  close(): Promise<void>;
  /** Resolves when it has stopped, by `close` or because another coordinator took over its database. */
  readonly closed: Promise<void>;
}

/**
 * Starts a coordinator: database, books, catalogue, fleet, then HTTP, so that it takes requests only when it can answer them.
 *
 * @throws EmbeddedPostgresError, MigrationError, CoordinatorRunningError (see `openStore`); the listening socket's error, e.g. with code
 *   `EADDRINUSE`. Whatever had been started is stopped again.
 */
export async function startCoordinator(settings: Settings, options: StartOptions = {}): Promise<RunningCoordinator> {
  const closers: Closer[] = [];
  const closed = new Promise<void>((resolve) => closers.push(async () => resolve()));
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= closeInReverse(closers);
    return closing;
  };
  try {
    return { ...(await start(settings, options, closers, close)), close, closed };
  } catch (error) {
    await close();
    throw error;
  }
}

type Closer = () => Promise<void>;

/** Everything is closed, also behind a part that fails to; the first failure is thrown afterwards. */
async function closeInReverse(closers: Closer[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers.splice(0).reverse()) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** Each part registers what closes it; closing runs them in reverse, which is the order of ops.md §7.3. */
async function start(
  settings: Settings,
  options: StartOptions,
  closers: Closer[],
  close: Closer,
): Promise<Pick<RunningCoordinator, "url" | "port" | "operatorPort" | "routes">> {
  const clock = options.clock ?? systemClock;
  const log = createLogger({ level: settings.logLevel, ...(options.log === undefined ? {} : { destination: options.log }) });
  const metrics = createMetrics();
  const store = await openStore({
    ...(settings.databaseUrl === undefined ? { home: settings.home } : { databaseUrl: settings.databaseUrl }),
    clock,
    onEvent: reportStore(log, () => {
      close().catch((error: unknown) => log.error({ err: error }, "stopping failed"));
    }),
  });
  closers.push(() => store.close());
  const instanceId = randomUUID();
  await store.claimCoordinator(instanceId);

  let fleetHears: ((machineId: string) => void) | undefined;
  const onMisreported = (machineId: string) => fleetHears?.(machineId);
  const books = await startBooks({ store, clock, instanceId, settings, log, metrics, onMisreported });
  closers.push(books.close);
  const { ledger, reconciler, recovered } = books;

  const catalog = await createCatalog({
    ...{ store, clock, weightsGrace_ms: settings.weightsGrace_ms },
    onRefreshFailed: (error) => log.warn({ err: error }, "catalogue not refreshed"),
  });
  closers.push(() => catalog.close());
  const bundled = new Map<string, string>();
  for (const directory of options.bundledModels ?? []) bundled.set(await addBundledModel(catalog, directory), directory);
  const identity = await ownIdentity(settings.home);
  const signIn = await createSignInParts({ store, clock, settings, log: log.child({ component: "sign-in" }) });
  closers.push(() => signIn.close());
  const { people, personSessions, issuers } = signIn;
  const accounts = await createAccounts({ store, clock, sessions: createSessions({ identity, clock }), personSessions, issuers });
  closers.push(() => accounts.close());

  const publishingKeys = createPublishingKeys({ store, clock });
  closers.push(() => publishingKeys.close());
  const devices = createDeviceLinking({
    ...{ store, clock, randomBytes, session_ms: settings.sessionTtl_ms },
    providerToken_ms: settings.providerTokenTtl_days * DAY_ms,
    tokenSecret: await secretFile(path.join(settings.home, "device-secret"), SALT_BYTES),
  });
  const attempts = createAttempts({ store, clock });
  const administration = createAdministration({ store, clock });
  const invites = createInvites({ store, clock, randomBytes });
  const rewards = createRewards({ store, clock, settings: rewardSettings(settings) });
  const dataRights = createDataRights({ store, clock, randomBytes, erasureDelay_ms: settings.erasureDelay_days * DAY_ms });

  const onReleases = (): void => {
    runtimes.refresh().catch((error: unknown) => log.warn({ err: error }, PROGRAMS_AS_BEFORE));
  };
  const releases = createReleases({ store, clock, onChanged: onReleases });
  const versionFloor = createVersionFloor({ store, clock, setting: settings.minProviderVersion, onChanged: () => fleet.floorChanged() });
  const runtimes = createKnownRuntimes({ releases, others: settings.knownRuntimes, onChanged: () => fleet.runtimesChanged() });
  const machineSessions = createMachineSessions(store, clock, settings);
  await machineSessions.closeLost();
  const costProfile = costSettings(settings);
  const fleet = createFleet({
    clock,
    random: { fraction: Math.random, bytes: randomBytes },
    trust: createTrust({ clock, randomBytes }),
    accounts,
    machines: createMachineStore(store, (machineId, accountId) => {
      ledger
        .claim(machineId, accountId)
        .catch((error: unknown) => log.warn({ err: error }, "unclaimed earnings wait for the next connection"));
    }),
    settings: {
      minTrust: settings.minTrust,
      minVersion: settings.minProviderVersion,
      requireLinked: settings.requireLinkedProvider,
      socketsPerAddress_max: settings.socketsPerIp,
      upgradesPerMinute_max: settings.upgradesPerIp_perMinute,
      costProfile,
      ...watchSettings(settings),
      warmPool: warmPoolSettings(settings),
    },
    catalog: fleetCatalog(catalog),
    runtimes,
    minVersion: () => versionFloor.stated().version,
    log: log.child({ component: "fleet" }),
    events: reportFleet(metrics),
    clientAddress: createClientAddress(settings.trustedProxies),
    publicIdSalt: await secretFile(path.join(settings.home, "public-id-salt"), SALT_BYTES),
  });
  fleetHears = fleet.misreported;
  catalog.onChanged(fleet.catalogChanged);
  const lookAtPrograms = async (): Promise<void> => void (await Promise.all([runtimes.refresh(), versionFloor.refresh()]));
  await lookAtPrograms();
  accounts.onProviderTokensChanged(fleet.tokensChanged);
  const insight = startInsight({
    ...{ store, clock, settings, costProfile, catalog, fleet, log, metrics },
    decisionSecret: await secretFile(path.join(settings.home, "decision-secret"), SALT_BYTES),
  });
  closers.push(insight.close);
  const { decisions, rejections, telemetry, logReports } = insight;
  const limits = createRateLimits({ clock, settings });
  const unlimited = unlimitedRates(settings);
  if (unlimited.length > 0) log.warn({ event: "unlimited", settings: unlimited }, "accounts are not limited in everything");
  const servedPlaces = createServedPlaces({ clock });
  const inference = createInference({
    catalog,
    fleet,
    ledger,
    clock,
    metrics,
    decisions,
    places: servedPlaces,
    log: log.child({ component: "inference" }),
    settings,
    limits,
    random: Math.random,
    cacheScopeSalt: randomBytes(SALT_BYTES),
  });
  catalog.onChanged(inference.catalogChanged);
  const idempotency = createIdempotency({
    store: createIdempotencyStore(store),
    clock,
    instanceId,
    secret: await secretFile(path.join(settings.home, "idempotency-secret"), SALT_BYTES),
    window_ms: settings.idempotencyWindow_ms,
    onError: (error) => log.error({ err: error }, "idempotent request failed"),
  });
  const blobs = createBlobStore(settings.home, bundled);
  const verification = createVerification({
    catalog,
    readFiles: createFileCheck({ blobs, clock, origins: settings.modelOrigins, depth: "all_files" }),
    onFailed: (error) => log.warn({ err: error }, "versions were not verified"),
  });
  closers.push(() => verification.close());
  const referrals = createReferrals({ store, clock, share_percent: settings.referralShare_percent });
  const { payments, close: closePayments } = startPayments({ store, clock, instanceId, settings, referrals, log, metrics });
  closers.push(closePayments);
  const http = createHttpServer({
    accounts,
    attempts,
    publishingKeys,
    devices,
    ...{ signIn: signIn.signIn, people, personSessions, signInFacts: signIn.facts, mail: signIn.mail },
    administration,
    invites,
    referrals,
    payments,
    statements: createStatements({ store: store.reports, clock }),
    dataRights,
    rewards,
    catalog,
    manifests: await createManifestSigner({ key: await catalogKey(settings.home), clock }),
    blobs,
    ...{ releases, versionFloor },
    checkBundle: createBundleCheck(),
    stateExport: createStateExport({ store, home: settings.home, version: ownVersion(), clock }, settings.stateExportRecipients),
    releaseSigners: settings.releaseSigners === undefined ? undefined : readReleaseSigners(settings.releaseSigners),
    checkFiles: createFileCheck({ blobs, clock, origins: settings.modelOrigins }),
    verification,
    fleet,
    ledger,
    history: createHistory({ store: store.reports, clock, random: Math.random }),
    reconciler,
    ownPrices: createOwnPrices({
      store,
      clock,
      random: Math.random,
      listPrice: ledger.prices,
      multiple_max: settings.providerPriceMultiple_max,
    }),
    inference,
    limits,
    idempotency,
    decisions,
    statistics: createStatisticsStore(store.reports),
    places: servedPlaces,
    pseudonymSecret: await secretFile(path.join(settings.home, "pseudonym-secret"), SALT_BYTES),
    sealing: createSealing({ clock, identity, rotation_ms: settings.sealingKeyRotation_ms }),
    metrics,
    rejections,
    telemetry,
    logReports,
    log: log.child({ component: "http" }),
    clock,
    settings,
    adminKey: settings.adminKey ?? (await keptAdminKey(settings.home)),
    randomBytes,
    version: ownVersion(),
    pingDatabase: () => store.ping(),
    consoleDirectory: options.consoleDirectory,
    attachProviders: (server) => fleet.endpoint.attach(server),
  });
  closers.push(() => http.close(HTTP_CLOSE_ms));
  closers.push(async () => {
    await fleet.close();
    await inference.drain(CUT_REQUESTS_ms);
  });
  // What another coordinator, or this one before its last stop, has left.
  const loops = createLoops(clock, log);
  closers.push(loops.stop);
  loops.every(RUNTIMES_INTERVAL_ms, lookAtPrograms, PROGRAMS_AS_BEFORE);
  loops.every(SWEEP_INTERVAL_ms, () => verification.run(), "versions were not verified");
  loops.every(SWEEP_INTERVAL_ms, () => dataRights.eraseDue(), "accounts that are to be erased were not", "error");
  const sweep = async (): Promise<void> => {
    // Of tokens that end by themselves nobody tells.
    fleet.tokensChanged();
    const swept = [idempotency, machineSessions, devices, attempts, administration, invites, people];
    await Promise.all(swept.map((part) => part.sweep()));
  };
  loops.every(SWEEP_INTERVAL_ms, sweep, "old rows were not removed");
  closers.push(startBackups({ store, clock, settings, version: ownVersion(), log, metrics }));
  if (settings.baseRewards) closers.push(startRewards({ rewards, clock, views: fleet.publicViews, log }));
  const operator = settings.metricsListen && (await startOperatorServer(settings.metricsListen, { metrics, decisions }));
  if (operator !== undefined) closers.push(() => operator.close());
  metrics.gauge("inference_in_flight", () => inference.inFlight());
  metrics.gauge("providers_connected", () => fleet.connected());
  metrics.gauge("providers_unknown_runtime", () => fleet.unknownRuntimes());
  metrics.gauge("loads_pending", () => fleet.pendingLoads());
  reportCapacity(metrics, { utilization: () => utilizationOf({ catalog, fleet, inference, clock }), fleet, clock });

  const { url, port } = await http.listen();
  closers.push(async () => {
    http.beginDrain();
    // Machines take nothing new once they have heard of it, and whoever is in line may still get a place.
    if (settings.drainGrace_ms > 0) await inference.nobodyWaits();
    fleet.announceShutdown(settings.drainGrace_ms);
    const { cut } = await inference.drain(settings.drainGrace_ms);
    log.info({ event: "stopping", cut }, "requests in flight have ended");
  });
  log.info(
    {
      event: "started",
      url,
      database: store.kind,
      min_trust: settings.minTrust,
      identity: await deviceThumbprint(identity.publicJwk),
      ...recovered,
    },
    "coordinator started",
  );
  return { url, port, operatorPort: operator?.port, routes: http.routes };
}

/** What an operator has changed since stays; another artefact of the same name replaces the old one. @returns the prefix of its files */
async function addBundledModel(catalog: CatalogService, directory: string): Promise<string> {
  const { build, alias } = await loadBundledModel(directory);
  const known = (await catalog.overview()).find(({ id }) => id === build.id);
  if (known?.versions.some(({ weightHash }) => weightHash === build.weightHash) !== true) await catalog.register(build);
  const isFree = !catalog.aliases().some(({ id }) => id === alias.id);
  if (isFree && catalog.build(build.id) !== undefined) await catalog.setAlias(alias);
  return build.manifest.prefix;
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { readonly version: string };
  return version;
}
