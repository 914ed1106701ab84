import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, type InferenceRequest, sealRequestBody, toBase64, utf8, wrapContentKey } from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { type RequestSpec, seededRandom } from "@umbel/routing";
import { createTrust, type Trust } from "../../trust/index.js";
import { createFleet, type FleetService } from "../create-fleet.js";
import { PROVIDER_PATH } from "../endpoint/provider-endpoint.js";
import type { FleetCatalog } from "../loads/fleet-catalog.js";
import type { FleetEvent, KeptSession, KnownRuntimes, MachineRow, MachineSession, MachineStore, ProviderAccounts } from "../ports.js";
import type { FleetSettings } from "../settings.js";
import type { Attempt, AttemptEvent } from "../types.js";
import { Inbox } from "./inbox.js";
import { ProviderClient, type ProviderClientOptions, TEST_BUILD } from "./provider-client.js";

/** Rows of machines in memory, readable by tests. */
export interface MemoryMachines extends MachineStore {
  readonly sessions: Map<string, KeptSession & Pick<MachineSession, "machineId">>;
  readonly rows: Map<string, MachineRow & { readonly untrustedReason?: string }>;
}

export function createMemoryMachines(): MemoryMachines {
  const rows: MemoryMachines["rows"] = new Map();
  const healths = new Map<string, string>();
  const counters = new Map<string, string>();
  const sessions: MemoryMachines["sessions"] = new Map();
  const counted = (machineId: string): unknown => JSON.parse(counters.get(machineId) ?? "null");
  return {
    rows,
    sessions,
    async upsert(row) {
      const untrustedReason = rows.get(row.machineId)?.untrustedReason;
      rows.set(row.machineId, untrustedReason === undefined ? row : { ...row, untrustedReason });
      const health = healths.get(row.machineId);
      const { machineId } = row;
      return { untrustedReason, health: health === undefined ? undefined : (JSON.parse(health) as unknown), counters: counted(machineId) };
    },
    async saveHealth(machines) {
      for (const { machineId, health } of machines) healths.set(machineId, JSON.stringify(health));
    },
    async ofAccount(accountId) {
      return [...rows.values()]
        .filter((row) => row.accountId === accountId)
        .map(({ machineId, version, at, untrustedReason = null }) => ({
          machineId,
          version,
          registeredAt: at,
          lastSeenAt: at,
          untrustedReason,
          counters: counted(machineId),
        }));
    },
    async countOfAccount(accountId) {
      return [...rows.values()].filter((row) => row.accountId === accountId).length;
    },
    async unlink(machineId, accountId) {
      const row = rows.get(machineId);
      if (row?.accountId === accountId) rows.set(machineId, { ...row, accountId: undefined });
    },
    async openSession({ accountId: _, ...session }) {
      if (!sessions.has(session.sessionId)) {
        sessions.set(session.sessionId, { ...session, lastSeenAt: session.openedAt, closedAt: null, reason: null });
      }
    },
    async seen({ machineId, sessionId }, told, at) {
      const [row, session] = [rows.get(machineId), sessions.get(sessionId)];
      if (row) rows.set(machineId, { ...row, at });
      if (session) sessions.set(sessionId, { ...session, lastSeenAt: at });
      counters.set(machineId, JSON.stringify(told));
    },
    async closeSession({ accountId: _, ...session }, reason, at) {
      if (sessions.get(session.sessionId)?.closedAt) return;
      sessions.set(session.sessionId, { ...session, lastSeenAt: at, closedAt: at, reason });
    },
    async sessionsOf(machineId, limit) {
      return [...sessions.values()].filter((session) => session.machineId === machineId).slice(0, limit);
    },
    async markUntrusted(machineId, untrustedReason) {
      const row = rows.get(machineId);
      if (row) rows.set(machineId, { ...row, untrustedReason });
    },
  };
}

export interface TestFleetOptions<C extends Clock> {
  /** Default: a fake clock, which stands still. */
  readonly clock?: C;
  readonly settings?: Partial<FleetSettings>;
  readonly machines?: MachineStore;
  /** Provider tokens and the accounts they belong to. */
  readonly tokens?: Readonly<Record<string, string>>;
  readonly accounts?: ProviderAccounts;
  readonly catalog?: FleetCatalog;
  readonly runtimes?: KnownRuntimes;
  /** For a second fleet that shares what the first one knows. */
  readonly trust?: Trust;
}

/** A real fleet behind a real server on loopback. */
export interface TestFleet<C extends Clock = FakeClock> {
  readonly fleet: FleetService;
  readonly clock: C;
  readonly machines: MachineStore;
  readonly url: string;
  readonly events: Inbox<FleetEvent>;
  /** The next event of a type that has not been taken. */
  event<Type extends FleetEvent["type"]>(type: Type): Promise<Extract<FleetEvent, { type: Type }>>;
  /** A provider that is connected, proven and idle. */
  connect(options?: Partial<ProviderClientOptions>): Promise<ProviderClient>;
  /** A provider that has only opened its socket. */
  open(options?: Partial<ProviderClientOptions>): Promise<ProviderClient>;
  close(): Promise<void>;
}

function memoryAccounts(tokens: Readonly<Record<string, string>> = {}): ProviderAccounts {
  const standing = new Map(Object.entries(tokens));
  return {
    providerAccount: async (token) => standing.get(token),
    usableProviderTokens: async (asked) => new Map([...standing].filter(([token]) => asked.includes(token))),
    revokeProviderToken: async (token) => standing.delete(token),
  };
}

export async function startTestFleet<C extends Clock = FakeClock>(options: TestFleetOptions<C> = {}): Promise<TestFleet<C>> {
  const clock = options.clock ?? (createFakeClock() as Clock as C);
  const events = new Inbox<FleetEvent>();
  const machines = options.machines ?? createMemoryMachines();
  const fleet = createFleet({
    clock,
    random: { fraction: seededRandom(1), bytes: (length) => nativeCrypto.randomBytes(length) },
    trust: options.trust ?? createTrust({ clock, randomBytes: (length) => nativeCrypto.randomBytes(length) }),
    accounts: options.accounts ?? memoryAccounts(options.tokens),
    machines,
    ...(options.catalog !== undefined && { catalog: options.catalog }),
    ...(options.runtimes !== undefined && { runtimes: options.runtimes }),
    settings: { socketsPerAddress_max: 1000, upgradesPerMinute_max: 1000, ...options.settings },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    events: (event) => events.put(event),
    publicIdSalt: utf8("salt of the test fleet"),
  });
  const server = createServer();
  const detach = fleet.endpoint.attach(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}${PROVIDER_PATH}`;
  const withDefaults = (own?: Partial<ProviderClientOptions>): ProviderClientOptions => ({ url, now: () => clock.date(), ...own });
  return {
    fleet,
    clock,
    machines,
    url,
    events,
    event: (type) => events.take(type, (event): event is Extract<FleetEvent, { type: typeof type }> => event.type === type),
    connect: (own) => ProviderClient.connect(withDefaults(own)),
    open: (own) => ProviderClient.open(withDefaults(own)),
    async close() {
      await fleet.close();
      detach();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What an ordinary request needs. */
export function testSpec(change: Partial<RequestSpec> = {}): RequestSpec {
  return {
    requestId: crypto.randomUUID(),
    build: TEST_BUILD,
    weightHash: "",
    accountId: "consumer",
    promptTokens: 10,
    maxOutputTokens: 100,
    needsTools: false,
    needsVision: false,
    excluded: new Set(),
    allowedMachines: undefined,
    route: "public",
    avoidVersion: undefined,
    ttftCeiling_ms: undefined,
    ...change,
  };
}

/** Reserves a place, or fails the test with the reasons why there is none. */
export function reserved({ fleet }: Pick<TestFleet, "fleet">, change: Partial<RequestSpec> = {}): Attempt {
  const outcome = fleet.reserve(testSpec(change));
  if (!outcome.ok) throw new Error(`no provider: ${JSON.stringify(outcome.decision)}`);
  return outcome.attempt;
}

/** An attempt whose provider has the request in hand and has said nothing yet. */
export async function attemptUnderWay(test: Pick<TestFleet, "fleet" | "connect">, options: Partial<ProviderClientOptions> = {}) {
  const provider = await test.connect(options);
  const attempt = reserved(test);
  await sendText(attempt, "hello");
  return { provider, attempt, request: await provider.request() };
}

/** Everything that comes of an attempt, up to its end. */
export async function readAll(attempt: Attempt): Promise<AttemptEvent[]> {
  const events: AttemptEvent[] = [];
  for (;;) {
    const event = await attempt.next();
    events.push(event);
    if (event.type === "complete" || event.type === "error" || event.type === "lost") return events;
  }
}

/** Seals a text to the attempt's provider and sends it, as dispatch does. */
export async function sendText(attempt: Attempt, text: string): Promise<{ readonly responseSecret: Uint8Array }> {
  const { message, body, responseSecret } = await sealedRequest(attempt, text);
  await attempt.send(message, body);
  return { responseSecret };
}

/** A request with a truly sealed body for the attempt's provider. */
export async function sealedRequest(attempt: Attempt, text: string) {
  const suite = "x25519-sha256-aes256gcm" as const;
  const requestId = attempt.requestId as InferenceRequest["request_id"];
  const metadata = { request_id: requestId, build_id: TEST_BUILD, max_output_tokens: 100 };
  const { contentKey, ciphertext: body } = await sealRequestBody(nativeCrypto, { metadata, plaintext: utf8(text), suite });
  const recipientPublicKey = attempt.provider.encryptionKey;
  const { enc, ct, responseSecret } = await wrapContentKey(nativeCrypto, { requestId, contentKey, recipientPublicKey, suite });
  const message: InferenceRequest = {
    type: "inference_request",
    ...metadata,
    attempt: 0,
    prompt_tokens_estimate: 10,
    deadline_ms: 5000,
    suite,
    wrap: { enc: toBase64(enc), ct: toBase64(ct) },
    body_bytes: body.length,
  };
  return { message, body, responseSecret };
}
