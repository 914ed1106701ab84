import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { systemClock } from "@umbel/protocol/native";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedPostgres, ensureRunning } from "./index.js";

const isRoot = process.geteuid?.() === 0;
let root: string;
let home: string;

function start(where = home, durability: "full" | "none" = "none"): Promise<EmbeddedPostgres> {
  return ensureRunning({ home: where, clock: systemClock, durability });
}

async function ask(server: EmbeddedPostgres, statement: string): Promise<unknown> {
  const sql = postgres({ ...server.connection, database: "postgres", max: 1 });
  try {
    const [row] = await sql.unsafe(statement).values();
    return row?.[0];
  } finally {
    await sql.end();
  }
}

beforeAll(async () => {
  // Closed to everybody else, as /root is: as root, this makes every test below also a test of reaching files as another user.
  root = await mkdtemp(path.join(os.tmpdir(), "umbel-embedded-"));
  home = path.join(root, "home");
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe("the bundled Postgres", () => {
  it("is created once when two processes start at the same time in an empty home", async () => {
    const [first, second] = await Promise.all([start(), start()]);
    expect(first.pid).toBe(second.pid);
    expect(await ask(first, "show server_encoding")).toBe("UTF8");
    expect(await ask(first, "select datcollate from pg_database where datname = 'postgres'")).toBe("C");
    await first.stop();
    await second.stop();
  });

  it("takes only its own password, from this machine only", async () => {
    const server = await start();
    const stranger = postgres({ ...server.connection, password: "guess", database: "postgres", max: 1 });
    await expect(stranger`select 1`).rejects.toMatchObject({ code: "28P01" });
    await stranger.end();
    expect(await ask(server, "show listen_addresses")).toBe("127.0.0.1");
    const password = await stat(path.join(home, "postgres", "password"));
    expect(password.mode & 0o777).toBe(0o600);
    const data = await stat(path.join(home, "postgres", "data"));
    expect(data.mode & 0o077).toBe(0);
    await server.stop();
  });

  it("keeps data and port across restarts", async () => {
    const before = await start();
    await ask(before, "create table kept as select 42 as answer");
    await before.stop();
    const after = await start();
    expect(await ask(after, "select answer from kept")).toBe(42);
    expect(after.connection.port).toBe(before.connection.port);
    await after.stop();
  });

  it("moves to another port when its own was taken meanwhile", async () => {
    const port = Number(await readFile(path.join(home, "postgres", "port"), "utf8"));
    const squatter = createServer().listen(port, "127.0.0.1");
    await new Promise((resolve) => squatter.once("listening", resolve));
    const server = await start();
    expect(server.connection.port).not.toBe(port);
    await server.stop();
    squatter.close();
  });

  it("is adopted when it runs already, and outlives whoever started it", async () => {
    const starter = await start();
    const adopter = await start();
    expect(adopter.pid).toBe(starter.pid);
    if (process.platform === "linux") {
      const session = (await readFile(`/proc/${starter.pid}/stat`, "utf8")).split(") ")[1]?.split(" ")[3];
      expect(Number(session)).toBe(starter.pid);
    }
    await adopter.stop();
    await starter.stop();
  });

  it("recovers from a kill, even when its process id went to another program", async () => {
    const killed = await start(home, "full");
    await ask(killed, "create table survivor as select 7 as answer");
    const pidFile = path.join(home, "postgres", "data", "postmaster.pid");
    const text = await readFile(pidFile, "utf8");
    process.kill(killed.pid, "SIGKILL");
    const afterKill = await start();
    expect(await ask(afterKill, "select answer from survivor")).toBe(7);
    await afterKill.stop();
    await writeFile(pidFile, text.replace(/^\d+/, String(process.pid)));
    const afterReuse = await start();
    expect(await ask(afterReuse, "select answer from survivor")).toBe(7);
    await afterReuse.stop();
  });

  it("gives its environment and log nothing to tell", async () => {
    process.env["UMBEL_TEST_SECRET"] = "canary-environment";
    const server = await start();
    delete process.env["UMBEL_TEST_SECRET"];
    await expect(ask(server, "select 'canary-statement'::int")).rejects.toThrow("canary-statement");
    await server.stop();
    const log = await readFile(path.join(home, "postgres", "server.log"), "utf8");
    expect(log).toContain("database system is ready");
    expect(log).not.toContain("canary");
  });

  it.skipIf(!isRoot)("runs as an ordinary user when started by root", async () => {
    const server = await start();
    const uid = Number(execFileSync("ps", ["-o", "uid=", "-p", String(server.pid)], { encoding: "utf8" }));
    expect(uid).toBeGreaterThan(0);
    for (const file of ["data", "password", "port", "server.log"]) expect((await stat(path.join(home, "postgres", file))).uid).toBe(uid);
    await server.stop();
  });
});

describe("a home that cannot be used", () => {
  it("with a data directory of another version is refused", async () => {
    const data = path.join(root, "old", "postgres", "data");
    await mkdir(data, { recursive: true });
    await writeFile(path.join(data, "PG_VERSION"), "17\n");
    await expect(start(path.join(root, "old"))).rejects.toMatchObject({ code: "incompatible_version" });
  });

  it("with an incomplete data directory is refused, not overwritten", async () => {
    const data = path.join(root, "broken", "postgres", "data");
    await mkdir(data, { recursive: true });
    await expect(start(path.join(root, "broken"))).rejects.toMatchObject({ code: "broken_cluster" });
  });
});
