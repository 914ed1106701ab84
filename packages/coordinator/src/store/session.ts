import type { Clock } from "@umbel/protocol";
import { type Address, type Client, createClient } from "./client.js";
import { databaseFailure } from "./database-error.js";
import type { EmbeddedPostgres } from "./embedded-postgres/index.js";

/** Advisory locks of the embedded server, in its database `postgres`. Numbers chosen at random. */
const IN_USE_LOCK = 5_120_934_771n;
const COORDINATOR_LOCK = 5_120_934_772n;
const REPAIR_AFTER_MS = 500;
const COORDINATOR_PREFIX = "umbel coordinator ";

/** Another coordinator uses this embedded database. One at a time: its holds would look abandoned to the other. */
export class CoordinatorRunningError extends Error {
  override readonly name = "CoordinatorRunningError";

  constructor(
    readonly pid: number,
    readonly startedAt: Date,
  ) {
    super(
      `A coordinator (process ${pid}, since ${startedAt.toISOString()}) already uses this database. Stop it, or give this one another --home.`,
    );
  }
}

export type SessionEvent =
  | { readonly type: "database_lost" }
  | { readonly type: "database_back" }
  /** Somebody else became the coordinator of this database while ours had lost it. */
  | { readonly type: "coordinator_claim_lost" };

export interface SessionOptions {
  readonly server: EmbeddedPostgres;
  readonly clock: Clock;
  /** Starts the server again when it has died. */
  readonly restart: () => Promise<EmbeddedPostgres>;
  readonly onEvent: (event: SessionEvent) => void;
}

/** One connection held for as long as this process uses the embedded server: its locks tell others that it is there, and what it is. */
export interface Session {
  /** @throws CoordinatorRunningError */
  claimCoordinator(): Promise<void>;
  /** Leaves. The last one to leave stops the server, whoever started it. */
  leave(): Promise<void>;
}

/** Undefined when the server was stopping as we came; then start it again. */
export async function joinServer(options: SessionOptions): Promise<Session | undefined> {
  const { clock, onEvent } = options;
  let server = options.server;
  let leaving = false;
  let claimed = false;
  let joined = false;
  let cancelRepair: () => void = () => undefined;
  const client = createClient(addressOf(server), {
    connections_max: 1,
    applicationName: "umbel",
    timeouts: "none",
    onClose: () => {
      if (!joined || leaving) return;
      joined = false;
      onEvent({ type: "database_lost" });
      repairLater();
    },
  });

  async function join(): Promise<void> {
    await client`select pg_advisory_lock_shared(${IN_USE_LOCK}::bigint)`;
    joined = true;
    if (claimed) await claim(client);
  }

  function repairLater(): void {
    cancelRepair = clock.setTimer(REPAIR_AFTER_MS, () => void repair(), "background");
  }

  async function repair(): Promise<void> {
    try {
      server = await options.restart();
      if (leaving) return;
      await join();
      onEvent({ type: "database_back" });
    } catch (error) {
      if (error instanceof CoordinatorRunningError) onEvent({ type: "coordinator_claim_lost" });
      else if (!leaving) repairLater();
    }
  }

  try {
    await join();
  } catch (error) {
    await client.end({ timeout: 0 });
    if (databaseFailure(error) === "unavailable") return undefined;
    throw error;
  }
  return {
    async claimCoordinator() {
      await claim(client);
      claimed = true;
    },
    async leave() {
      leaving = true;
      cancelRepair();
      // Without a connection the server is gone or going, and there is nothing to stop.
      const last = joined && (await isLast(client).catch(() => false));
      if (last) await server.stop();
      await client.end({ timeout: 0 });
    },
  };
}

/** Gives up our own mark, then asks for the lock that only somebody alone can get. Newcomers wait behind it and find the server stopping. */
async function isLast(client: Client): Promise<boolean> {
  await client`select pg_advisory_unlock_all()`;
  const [row] = await client<{ alone: boolean }[]>`select pg_try_advisory_lock(${IN_USE_LOCK}::bigint) as alone`;
  return row?.alone === true;
}

async function claim(client: Client): Promise<void> {
  const [row] = await client<{ granted: boolean }[]>`select pg_try_advisory_lock(${COORDINATOR_LOCK}::bigint) as granted`;
  if (row?.granted !== true) throw await describeHolder(client);
  await client`select set_config('application_name', ${COORDINATOR_PREFIX + process.pid}, false)`;
}

async function describeHolder(client: Client): Promise<Error> {
  const [holder] = await client<{ name: string; since_ms: string }[]>`
    select application_name as name, (extract(epoch from backend_start) * 1000)::text as since_ms
    from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and granted and mode = 'ExclusiveLock'
      and classid = ${COORDINATOR_LOCK >> 32n}::bigint::oid and objid = ${COORDINATOR_LOCK & 0xffff_ffffn}::bigint::oid`;
  const pid = Number(holder?.name.slice(COORDINATOR_PREFIX.length));
  return new CoordinatorRunningError(Number.isInteger(pid) ? pid : 0, new Date(Number(holder?.since_ms ?? 0)));
}

function addressOf(server: EmbeddedPostgres): Address {
  return { ...server.connection, database: "postgres" };
}
