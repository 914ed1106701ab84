import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "@umbel/protocol";
import type { Binaries } from "./binaries.js";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import { chooseUser, ensureReach, type RunAs, spawnAs } from "./run-as.js";

/** Major version of the bundled Postgres; data directories of another cannot be opened. */
const POSTGRES_MAJOR = "18";
export const SUPERUSER = "umbel";
const OUTPUT_LINES_MAX = 20;
/** Creation takes seconds; a directory that has not changed for this long was abandoned. */
const CREATION_AGE_MS_MAX = 10 * 60_000;

/** One Postgres cluster on disk: everything under `<home>/postgres`. */
export interface Cluster {
  readonly directory: string;
  readonly dataDirectory: string;
  readonly password: string;
  readonly runAs: RunAs;
}

export interface ClusterOptions {
  readonly home: string;
  readonly binaries: Binaries;
  readonly clock: Clock;
  /** `none` is for tests: nothing survives a crash of the machine. */
  readonly durability: "full" | "none";
}

/**
 * Opens the cluster under `home`, creating it first if there is none. Creation happens in a directory of its own that is renamed when it is
 * complete, so a process killed half-way leaves no half cluster, and of two processes that create at once one wins and the other uses its work.
 *
 * @throws EmbeddedPostgresError
 */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const directory = path.join(options.home, "postgres");
  const existing = await readCluster(directory, options.binaries);
  if (existing) return existing;
  await mkdir(options.home, { recursive: true, mode: 0o700 });
  await removeLeftovers(options.home, options.clock);
  await createCluster(directory, options);
  const created = await readCluster(directory, options.binaries);
  if (!created) throw new EmbeddedPostgresError("broken_cluster", `No database appeared in ${directory}.`);
  return created;
}

async function readCluster(directory: string, binaries: Binaries): Promise<Cluster | undefined> {
  const dataDirectory = path.join(directory, "data");
  const found = await stat(dataDirectory)
    .catch(undefinedIfMissing)
    .catch((cause: unknown) => {
      const advice = "Start Umbel as the user it belongs to, or choose another state directory with --home.";
      throw new EmbeddedPostgresError("foreign_data_directory", `The database in ${directory} cannot be reached. ${advice}`, { cause });
    });
  if (!found) return undefined;
  const runAs = await chooseUser(dataDirectory);
  try {
    const version = (await readFile(path.join(dataDirectory, "PG_VERSION"), "utf8")).trim();
    if (version !== POSTGRES_MAJOR) throw incompatible(directory, version);
    const password = (await readFile(path.join(directory, "password"), "utf8")).trim();
    return { directory, dataDirectory, password, runAs: await ensureReach(runAs, binaries, dataDirectory) };
  } catch (cause) {
    if (cause instanceof EmbeddedPostgresError) throw cause;
    throw new EmbeddedPostgresError("broken_cluster", `The database in ${directory} is incomplete or unreadable.`, { cause });
  }
}

async function createCluster(directory: string, { binaries, durability }: ClusterOptions): Promise<void> {
  const unfinished = `${directory}.new-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(unfinished, { mode: 0o700 });
    const chosen = await chooseUser(undefined);
    const passwordFile = path.join(unfinished, "password");
    await writeFile(passwordFile, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
    await chmod(passwordFile, 0o600);
    if (chosen.owner) {
      await chown(unfinished, chosen.owner.uid, chosen.owner.gid);
      await chown(passwordFile, chosen.owner.uid, chosen.owner.gid);
    }
    const runAs = await ensureReach(chosen, binaries, unfinished);
    const data = ["-D", path.join(unfinished, "data"), "-E", "UTF8", "--locale=C", "--no-instructions"];
    const access = ["-U", SUPERUSER, "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
    await runInitdb(runAs, binaries.initdb, [...data, ...access, ...(durability === "none" ? ["--no-sync"] : [])]);
    await rename(unfinished, directory);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process finished first: its cluster is the one.
    if (!(await stat(path.join(directory, "data")).catch(undefinedIfMissing))) throw error;
  }
}

function runInitdb(runAs: RunAs, initdb: string, args: readonly string[]): Promise<void> {
  const child = spawnAs(runAs, initdb, args, { stdio: ["ignore", "pipe", "pipe"] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output.push(...text.split("\n"));
      output.splice(0, output.length - OUTPUT_LINES_MAX);
    });
  }
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: Error) => {
      const message = `The database could not be created (${why}). initdb said:\n${output.join("\n").trim()}`;
      reject(new EmbeddedPostgresError("initdb_failed", message, { cause }));
    };
    child.once("error", (error) => fail("initdb did not start", error));
    child.once("close", (code, signal) => (code === 0 ? resolve() : fail(`initdb ended with ${code ?? signal}`)));
  });
}

/** Removes what creators that were killed left behind. A process id can belong to somebody else by now, so age counts too. */
async function removeLeftovers(home: string, clock: Clock): Promise<void> {
  for (const entry of await readdir(home)) {
    const pid = /^postgres\.new-(\d+)-/.exec(entry)?.[1];
    if (pid === undefined) continue;
    const directory = path.join(home, entry);
    const age_ms = clock.date().getTime() - (await stat(directory)).mtimeMs;
    if (!isAlive(Number(pid)) || age_ms > CREATION_AGE_MS_MAX) await rm(directory, { recursive: true, force: true });
  }
}

/** Whether a process has this id, ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
  return undefined;
}

function incompatible(directory: string, version: string): EmbeddedPostgresError {
  const advice = "Export it with the version that wrote it, or choose another state directory with --home.";
  return new EmbeddedPostgresError(
    "incompatible_version",
    `The database in ${directory} is of Postgres ${version}; this is ${POSTGRES_MAJOR}. ${advice}`,
  );
}
