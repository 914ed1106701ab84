import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import postgres from "postgres";
import { type Cluster, isAlive, SUPERUSER } from "./cluster.js";

const CONNECT_TIMEOUT_S = 5;

/** What `postmaster.pid` says about the server that runs, or ran last, in a data directory. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

export type PostmasterState =
  | { readonly is: "stopped" }
  | { readonly is: "running"; readonly postmaster: Postmaster }
  /** Starting, recovering or stopping: look again soon. */
  | { readonly is: "changing" };

/** What goes on in the data directory now. Answers to a password that only our server knows, so another program on its port is not mistaken for it. */
export async function inspect(cluster: Cluster): Promise<PostmasterState> {
  const postmaster = await readPostmaster(cluster);
  if (!postmaster) return { is: "stopped" };
  if (!isAlive(postmaster.pid)) return { is: "stopped" };
  if (await answers(cluster, postmaster.port)) return { is: "running", postmaster };
  if (await isPostgresOf(cluster, postmaster.pid)) return { is: "changing" };
  await forget(cluster, postmaster);
  return { is: "stopped" };
}

/** Whether the server on that port accepts our password and serves this data directory. */
export async function answers(cluster: Cluster, port: number): Promise<boolean> {
  const sql = postgres({
    ...connectionTo(cluster, port),
    database: "postgres",
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    fetch_types: false,
  });
  try {
    const [row] = await sql<{ data_directory: string }[]>`show data_directory`;
    return row?.data_directory === cluster.dataDirectory;
  } catch {
    // Refused, not ready, another server, or not a server at all: in each case it is not ours.
    return false;
  } finally {
    await sql.end({ timeout: 0 });
  }
}

export function connectionTo(cluster: Cluster, port: number) {
  return { host: "127.0.0.1", port, username: SUPERUSER, password: cluster.password };
}

export async function readPostmaster(cluster: Cluster): Promise<Postmaster | undefined> {
  const text = await readFile(pidFile(cluster), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return "";
  });
  // Lines: process id, data directory, start time, port, … (PostgreSQL source, miscadmin.h). Later lines appear while it starts.
  const lines = text.split("\n");
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return pid > 0 && port > 0 ? { pid, port } : undefined;
}

/** After a crash the process id may have gone to an unrelated program; the command line tells. */
async function isPostgresOf(cluster: Cluster, pid: number): Promise<boolean> {
  return (await commandLine(pid)).includes(cluster.dataDirectory);
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === "linux") return readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const [command, args] =
    process.platform === "win32"
      ? ["wmic", ["process", "where", `processid=${pid}`, "get", "commandline"]]
      : ["ps", ["-o", "command=", "-p", String(pid)]];
  return new Promise((resolve) => {
    execFile(command, args, (error, stdout) => resolve(error ? "" : stdout));
  });
}

/** Postgres itself refuses to start over a pid file whose process id is in use, so a misleading one is removed, unless it changed meanwhile. */
async function forget(cluster: Cluster, stale: Postmaster): Promise<void> {
  const current = await readPostmaster(cluster);
  if (current?.pid === stale.pid && current.port === stale.port) await rm(pidFile(cluster), { force: true });
}

function pidFile(cluster: Cluster): string {
  return path.join(cluster.dataDirectory, "postmaster.pid");
}
