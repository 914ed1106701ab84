import { once } from "node:events";
import { chown, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "@umbel/protocol";
import { type Binaries, prepareBinaries } from "./binaries.js";
import { type Cluster, isAlive, openCluster } from "./cluster.js";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import { freePort } from "./free-port.js";
import { answers, connectionTo, inspect, readPostmaster } from "./postmaster.js";
import { spawnAs } from "./run-as.js";

/** Crash recovery after a power cut can take this long on a slow disk. */
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 30_000;
/** After which a stop becomes immediate: connections are cut, and the next start recovers from the log. */
const IMMEDIATE_STOP_AFTER_MS = 20_000;
const POLL_MS = 10;
const START_ATTEMPTS_MAX = 5;
/** Times the attempt: the remains of a killed server need a moment to notice and go. */
const RETRY_MS = 100;
const LOG_BYTES_MAX = 1024 * 1024;
const LOG_TAIL_LINES = 10;

export interface EmbeddedPostgresOptions {
  /** Umbel's state directory; the cluster is in its `postgres` folder. */
  readonly home: string;
  readonly clock: Clock;
  /** `none` is for tests: faster, and nothing survives a crash of the machine. Default `full`. */
  readonly durability?: "full" | "none";
}

/** A running server, started by us or found running. */
export interface EmbeddedPostgres {
  readonly pid: number;
  readonly connection: { readonly host: string; readonly port: number; readonly username: string; readonly password: string };
  /** Fast shutdown: open transactions are rolled back, connections closed, data flushed. Resolves when the server is gone. */
  stop(): Promise<void>;
}

/**
 * Makes sure that the cluster under `home` exists and its server runs: adopts one that is already running (started by another process, or left
 * by one that was killed), else starts it in a session of its own, so that a Ctrl-C meant for us does not reach it.
 *
 * @throws EmbeddedPostgresError
 */
export async function ensureRunning(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const durability = options.durability ?? "full";
  const home = path.resolve(options.home);
  const binaries = await prepareBinaries(path.join(home, "postgres-programs"));
  const cluster = await openCluster({ home, binaries, clock: options.clock, durability });
  const server = { binaries, cluster, clock: options.clock, durability };
  const deadline_ms = options.clock.now_ms() + START_TIMEOUT_MS;
  for (let attempts = 0; attempts < START_ATTEMPTS_MAX; ) {
    const state = await inspect(cluster);
    if (state.is === "running") return handle(server, state.postmaster.pid, state.postmaster.port);
    if (state.is === "changing") await pause(options.clock, deadline_ms);
    else {
      attempts += 1;
      const port = await startOnce(server, deadline_ms);
      // The pid file says who runs now: the server just started, or one that another process started a moment earlier.
      if (port !== undefined) await rememberPort(cluster, port);
      else await wait(options.clock, RETRY_MS * attempts);
    }
  }
  throw new EmbeddedPostgresError("start_failed", `The database did not start. Its log ends with:\n${await logTail(cluster)}`);
}

interface Server {
  readonly binaries: Binaries;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly durability: "full" | "none";
}

/** Starts the server and waits until it answers. Undefined when it ended instead, e.g. because its port was taken or another one won. */
async function startOnce({ binaries, cluster, clock, durability }: Server, deadline_ms: number): Promise<number | undefined> {
  const port = await freePort(await rememberedPort(cluster));
  const log = await openLog(cluster);
  const args = [
    "-D",
    cluster.dataDirectory,
    ...Object.entries(serverSettings(port, durability)).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const child = spawnAs(cluster.runAs, binaries.postgres, args, { detached: true, stdio: ["ignore", log.fd, log.fd], windowsHide: true });
  try {
    let ended = false;
    child.once("exit", () => {
      ended = true;
    });
    await once(child, "spawn");
    child.unref();
    while (!(await answers(cluster, port))) {
      if (ended) return undefined;
      await pause(clock, deadline_ms);
    }
    return port;
  } catch (cause) {
    if (cause instanceof EmbeddedPostgresError) throw cause;
    throw new EmbeddedPostgresError("start_failed", `${binaries.postgres} could not be started.`, { cause });
  } finally {
    await log.close();
  }
}

function serverSettings(port: number, durability: "full" | "none"): Record<string, string | number> {
  return {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    cluster_name: "umbel",
    max_connections: 100,
    timezone: "UTC",
    // Statements and their values never reach the log; errors reach whoever caused them.
    log_min_messages: "log",
    log_min_error_statement: "panic",
    log_statement: "none",
    log_checkpoints: "off",
    log_timezone: "UTC",
    // Our statements are short; compiling them costs more than it saves.
    jit: "off",
    ...(durability === "none" ? { fsync: "off", synchronous_commit: "off", full_page_writes: "off" } : {}),
  };
}

function handle(server: Server, pid: number, port: number): EmbeddedPostgres {
  return { pid, connection: connectionTo(server.cluster, port), stop: () => stop(server, pid) };
}

async function stop(server: Server, pid: number): Promise<void> {
  const start_ms = server.clock.now_ms();
  await interrupt(server, pid, "fast");
  let immediate = false;
  while (await isRunning(server.cluster, pid)) {
    const waited_ms = server.clock.now_ms() - start_ms;
    if (waited_ms > STOP_TIMEOUT_MS) throw new EmbeddedPostgresError("stop_timeout", `The database server (process ${pid}) does not stop.`);
    if (waited_ms > IMMEDIATE_STOP_AFTER_MS && !immediate) {
      immediate = true;
      await interrupt(server, pid, "immediate");
    }
    await pause(server.clock);
  }
}

/** Windows has no signals: there Postgres' own tool speaks to the server. */
async function interrupt({ cluster, binaries }: Server, pid: number, mode: "fast" | "immediate"): Promise<void> {
  if (process.platform === "win32") {
    const args = ["stop", "-D", cluster.dataDirectory, "-m", mode, "-W"];
    await once(spawnAs(cluster.runAs, binaries.pgCtl, args, { stdio: "ignore" }), "exit");
  } else if (isAlive(pid)) {
    process.kill(pid, mode === "fast" ? "SIGINT" : "SIGQUIT");
  }
}

/** The pid file goes last. A dead process can stay visible (a zombie nobody reaps), so the file counts first. */
async function isRunning(cluster: Cluster, pid: number): Promise<boolean> {
  return (await readPostmaster(cluster))?.pid === pid && isAlive(pid);
}

async function pause(clock: Clock, deadline_ms = Number.POSITIVE_INFINITY): Promise<void> {
  if (clock.now_ms() > deadline_ms) throw new EmbeddedPostgresError("start_timeout", "The database server does not become ready.");
  await wait(clock, POLL_MS);
}

function wait(clock: Clock, delay_ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delay_ms, resolve);
  });
}

/** Tools that people point at the database keep working across restarts as long as nobody else takes the port. */
async function rememberedPort(cluster: Cluster): Promise<number | undefined> {
  const text = await readFile(portFile(cluster), "utf8").catch(() => "");
  const port = Number(text.trim());
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

async function rememberPort(cluster: Cluster, port: number): Promise<void> {
  await writeFile(portFile(cluster), `${port}\n`);
  await giveToOwner(cluster, portFile(cluster));
}

function portFile(cluster: Cluster): string {
  return path.join(cluster.directory, "port");
}

async function openLog(cluster: Cluster) {
  const file = logFile(cluster);
  const size_bytes = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size_bytes > LOG_BYTES_MAX) {
    await rm(`${file}.1`, { force: true });
    await rename(file, `${file}.1`);
  }
  const handle = await open(file, "a", 0o600);
  await giveToOwner(cluster, file);
  return handle;
}

/** So that the user who owns the cluster can start it later without root. */
async function giveToOwner({ runAs }: Cluster, file: string): Promise<void> {
  if (runAs.owner) await chown(file, runAs.owner.uid, runAs.owner.gid);
}

async function logTail(cluster: Cluster): Promise<string> {
  const text = await readFile(logFile(cluster), "utf8").catch(() => "");
  return text.trim().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}

function logFile(cluster: Cluster): string {
  return path.join(cluster.directory, "server.log");
}
