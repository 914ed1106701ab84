import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { isMainThread } from "node:worker_threads";
import { systemClock } from "@umbel/protocol/native";
import { createClient } from "./client.js";
import { ensureRunning } from "./embedded-postgres/index.js";
import { migrate } from "./migrations/migrate.js";
import { openStore, type Store } from "./store.js";

export { rebuildSchema } from "./migrations/older-schema.js";

const TEMPLATE = "umbel_template";

export interface TestDatabase {
  readonly store: Store;
  /** Another `openStore({ databaseUrl })` on it acts as a second process. */
  readonly databaseUrl: string;
  close(): Promise<void>;
}

/**
 * A migrated, empty database of its own on a real Postgres. One server serves every test file of a run; it starts on first use and stops, with
 * its files, when the run ends, however it ends.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { connection } = await sharedServer();
  const admin = createClient(
    { ...connection, database: "postgres" },
    { connections_max: 1, applicationName: "umbel tests", timeouts: "none" },
  );
  const name = `test_${randomBytes(6).toString("hex")}`;
  try {
    await admin`select pg_advisory_lock(1)`;
    const [template] = await admin`select 1 from pg_database where datname = ${TEMPLATE}`;
    if (!template) await createTemplate(connection);
    await admin`select pg_advisory_unlock_all()`;
    await admin`create database ${admin(name)} template ${admin(TEMPLATE)}`;
  } finally {
    await admin.end({ timeout: 1 });
  }
  const databaseUrl = `postgres://${connection.username}:${connection.password}@${connection.host}:${connection.port}/${name}`;
  const store = await openStore({ databaseUrl });
  return { store, databaseUrl, close: () => store.close() };
}

type Connection = Awaited<ReturnType<typeof ensureRunning>>["connection"];

async function createTemplate(connection: Connection): Promise<void> {
  const unfinished = `${TEMPLATE}_unfinished`;
  const setup = createClient(
    { ...connection, database: "postgres" },
    { connections_max: 1, applicationName: "umbel tests", timeouts: "none" },
  );
  try {
    await setup`drop database if exists ${setup(unfinished)}`;
    await setup`create database ${setup(unfinished)}`;
    const migrator = createClient(
      { ...connection, database: unfinished },
      { connections_max: 1, applicationName: "umbel tests", timeouts: "none" },
    );
    await migrate(migrator);
    await migrator.end({ timeout: 1 });
    await setup`alter database ${setup(unfinished)} rename to ${setup(TEMPLATE)}`;
  } finally {
    await setup.end({ timeout: 1 });
  }
}

async function sharedServer() {
  // Test files run in processes or threads of the runner; all of one run share its process id.
  const runner = isMainThread ? process.ppid : process.pid;
  const home = path.join(os.tmpdir(), `umbel-test-postgres-${runner}`);
  const first = await mkdir(home, { recursive: true, mode: 0o755 });
  const server = await ensureRunning({ home, clock: systemClock, durability: "none" });
  if (first) watch(runner, home);
  return server;
}

/** Stops the server and removes its files when the runner is gone. Polls, because nothing tells a process that another, not its child, has ended. */
function watch(runner: number, home: string): void {
  const script = `
    const fs = require("node:fs"), [runner, home] = process.argv.slice(1);
    const alive = (pid) => { try { process.kill(pid, 0); return true; } catch { return false; } };
    const serverPid = () => { try { return Number(fs.readFileSync(home + "/postgres/data/postmaster.pid", "utf8").split("\\n")[0]); } catch { return 0; } };
    let rounds = 0;
    const timer = setInterval(() => {
      if (alive(Number(runner))) return;
      const pid = serverPid();
      if (pid && alive(pid) && rounds++ < 100) return void process.kill(pid, "SIGINT");
      clearInterval(timer);
      fs.rmSync(home, { recursive: true, force: true });
    }, 200);`;
  spawn(process.execPath, ["-e", script, String(runner), home], { detached: true, stdio: "ignore", cwd: "/" }).unref();
}
