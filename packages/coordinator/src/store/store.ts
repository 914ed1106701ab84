import os from "node:os";
import type { Clock } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import { drizzle } from "drizzle-orm/postgres-js";
import { type Address, type Client, createClient } from "./client.js";
import { type EmbeddedPostgres, ensureRunning } from "./embedded-postgres/index.js";
import { migrate } from "./migrations/migrate.js";
import { instanceRepository } from "./repositories/instances.js";
import { joinServer, type Session, type SessionEvent } from "./session.js";
import type { Tx } from "./tx.js";

const DATABASE = "umbel";
const DEFAULT_CONNECTIONS_MAX = 20;
/** Source: money.md §20. */
const REPORT_CONNECTIONS_MAX = 8;
/** A server that stops while we connect is started again this many times. */
const JOIN_ATTEMPTS_MAX = 5;
/** Whoever closes has finished its work; only connections that an outage left hanging take this long. */
const CLOSE_TIMEOUT_S = 2;

/** Rows of these tables changed, by whatever process; the name is the Postgres notification channel. */
export type ChangeChannel = "umbel_keys" | "umbel_prices" | "umbel_catalog" | "umbel_provider_tokens";

export interface Store {
  /** `embedded`: one coordinator at a time uses this database. `external`: several may. */
  readonly kind: "embedded" | "external";
  /** For statements on their own. */
  readonly db: Tx;
  /** The driver itself, for prepared single statements on hot paths. */
  readonly client: Client;
  /** Runs `body` in one transaction: committed when it resolves, rolled back when it rejects. */
  transaction<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
  /** A few connections of their own for whatever reads much, lists, sums, statements and exports: however many ask, money still moves. */
  readonly reports: Pick<Store, "db" | "client" | "transaction">;
  /**
   * Calls back after each change announced on the channel, and once after every (re)connection, because changes may have been missed before.
   * Resolves, with the function that ends it, when the channel is open.
   */
  onChange(channel: ChangeChannel, listener: () => void): Promise<() => Promise<void>>;
  /** @throws when the database does not answer */
  ping(): Promise<void>;
  /**
   * Makes this process the coordinator of an embedded database until `close`, and announces the instance.
   *
   * @param instanceId unique to this start of the coordinator
   * @throws CoordinatorRunningError when another process is the coordinator of this embedded database
   */
  claimCoordinator(instanceId: string): Promise<void>;
  /** Closes connections; the last process to leave an embedded server stops it. */
  close(): Promise<void>;
}

interface CommonOptions {
  /** Connections in the pool at most. Default 20. */
  readonly connections_max?: number;
  readonly clock?: Clock;
  /** Told when the embedded server dies and comes back. */
  readonly onEvent?: (event: SessionEvent) => void;
}

export type StoreOptions = CommonOptions &
  (
    | { readonly home: string; readonly durability?: "full" | "none" }
    /** `postgres://user:password@host:port/database` of a server that somebody else runs. */
    | { readonly databaseUrl: string }
  );

/**
 * Opens the database and brings its schema up to date. With `home` it starts Umbel's own Postgres, or joins the one that runs there already.
 *
 * @throws EmbeddedPostgresError the bundled Postgres cannot run here
 * @throws MigrationError the database is newer than this program or was changed behind its back
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const clock = options.clock ?? systemClock;
  if ("databaseUrl" in options) return openDatabase({ url: options.databaseUrl }, undefined, clock, options);
  const { server, session } = await join(options, clock);
  try {
    await createDatabase(server);
    return await openDatabase({ ...server.connection, database: DATABASE }, session, clock, options);
  } catch (error) {
    await session.leave();
    throw error;
  }
}

async function join(
  options: Extract<StoreOptions, { readonly home: string }>,
  clock: Clock,
): Promise<{ server: EmbeddedPostgres; session: Session }> {
  const { home, durability = "full", onEvent = () => undefined } = options;
  const start = () => ensureRunning({ home, clock, durability });
  for (let attempt = 1; ; attempt += 1) {
    const server = await start();
    const session = await joinServer({ server, clock, restart: start, onEvent });
    if (session) return { server, session };
    if (attempt === JOIN_ATTEMPTS_MAX) throw new Error("the embedded database server keeps stopping");
  }
}

async function createDatabase(server: EmbeddedPostgres): Promise<void> {
  const client = createClient(
    { ...server.connection, database: "postgres" },
    { connections_max: 1, applicationName: "umbel setup", timeouts: "none" },
  );
  try {
    // Starters that come at once take turns; creating a database cannot be part of a transaction.
    await client`select pg_advisory_lock(hashtext(${DATABASE}))`;
    const [found] = await client`select 1 from pg_database where datname = ${DATABASE}`;
    if (!found) await client`create database ${client(DATABASE)}`;
  } finally {
    await client.end({ timeout: CLOSE_TIMEOUT_S });
  }
}

async function openDatabase(address: Address, session: Session | undefined, clock: Clock, options: CommonOptions): Promise<Store> {
  const migrator = createClient(address, { connections_max: 1, applicationName: "umbel migrations", timeouts: "none" });
  try {
    await migrate(migrator);
  } finally {
    await migrator.end({ timeout: CLOSE_TIMEOUT_S });
  }
  const connections_max = options.connections_max ?? DEFAULT_CONNECTIONS_MAX;
  const client = createClient(address, { connections_max, applicationName: "umbel", timeouts: "statement" });
  const db = drizzle(client);
  const reader = createClient(address, { connections_max: REPORT_CONNECTIONS_MAX, applicationName: "umbel reports", timeouts: "report" });
  const readerDb = drizzle(reader);
  return {
    kind: session ? "embedded" : "external",
    db,
    client,
    transaction: (body) => db.transaction((tx) => body(tx)),
    reports: { db: readerDb, client: reader, transaction: (body) => readerDb.transaction((tx) => body(tx)) },
    async onChange(channel, listener) {
      const { unlisten } = await client.listen(channel, listener, listener);
      return unlisten;
    },
    async ping() {
      await client`select 1`;
    },
    async claimCoordinator(instanceId) {
      await session?.claimCoordinator();
      await instanceRepository.announce(client, { id: instanceId, host: os.hostname(), pid: process.pid, at: clock.date() });
    },
    async close() {
      await Promise.all([client, reader].map((pool) => pool.end({ timeout: CLOSE_TIMEOUT_S })));
      await session?.leave();
    },
  };
}
