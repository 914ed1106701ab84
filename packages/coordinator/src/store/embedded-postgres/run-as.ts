import { execFile, type SpawnOptions, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import type { Binaries } from "./binaries.js";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";

/** How Postgres programs are started: as ourselves or, when we are root (which Postgres refuses), as an ordinary user. */
export interface RunAs {
  /** Owner of the files that Postgres uses; undefined when that is ourselves. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Command and arguments that the program and its arguments are appended to. */
  readonly prefix: readonly string[];
  readonly spawnOptions: SpawnOptions;
}

const CURRENT_USER: RunAs = { owner: undefined, prefix: [], spawnOptions: {} };
/** Users that systems have for running services without rights, in order of preference. */
const UNPRIVILEGED_USERS = ["postgres", "nobody"] as const;

/**
 * @param dataDirectory an existing data directory, whose owner stays its owner; undefined before the first start
 * @throws EmbeddedPostgresError `foreign_data_directory`, `unreachable_as_root`
 */
export async function chooseUser(dataDirectory: string | undefined): Promise<RunAs> {
  const ourselves = process.geteuid?.();
  if (ourselves === undefined) return CURRENT_USER;
  const owner = dataDirectory === undefined ? undefined : await stat(dataDirectory);
  if (ourselves !== 0) {
    if (owner && owner.uid !== ourselves) throw foreignDirectory(dataDirectory ?? "", owner.uid);
    return CURRENT_USER;
  }
  if (owner && owner.uid !== 0) return asUser(owner);
  for (const name of UNPRIVILEGED_USERS) {
    const user = await lookUp(name);
    if (user) return asUser(user);
  }
  throw rootIsRefused("this system has no user named postgres or nobody");
}

/**
 * The same user, with the one capability that lets it pass directories closed to it (such as /root), if it needs that to reach the files.
 *
 * @throws EmbeddedPostgresError `unreachable_as_root` when it neither reaches them nor can be given that capability
 */
export async function ensureReach(runAs: RunAs, binaries: Binaries, clusterDirectory: string): Promise<RunAs> {
  const { owner } = runAs;
  if (!owner || (await reaches(runAs, binaries, clusterDirectory))) return runAs;
  const raised = withReach(owner);
  if (await reaches(raised, binaries, clusterDirectory)) return raised;
  throw rootIsRefused(`the user ${owner.uid} that would run it cannot reach ${clusterDirectory} or ${binaries.root}`);
}

/** Starts a program as that user, with an environment that carries none of our secrets. */
export function spawnAs(runAs: RunAs, program: string, args: readonly string[], options: SpawnOptions) {
  const [command = program, ...rest] = [...runAs.prefix, program, ...args];
  return spawn(command, rest, { ...options, ...runAs.spawnOptions, cwd: "/", env: plainEnvironment() });
}

function asUser({ uid, gid }: { readonly uid: number; readonly gid: number }): RunAs {
  return { owner: { uid, gid }, prefix: [], spawnOptions: { uid, gid } };
}

/** `no_setuid_fixup` keeps the capability in force for access(2), with which Postgres looks for its own programs. */
function withReach(owner: { readonly uid: number; readonly gid: number }): RunAs {
  const identity = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups"];
  const capability = ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"];
  return { owner, prefix: ["setpriv", ...identity, ...capability, "--"], spawnOptions: {} };
}

function reaches(runAs: RunAs, binaries: Binaries, clusterDirectory: string): Promise<boolean> {
  const script = 'test -x "$0" && test -r "$1" && test -w "$2"';
  const child = spawnAs(runAs, "/bin/sh", ["-c", script, binaries.postgres, binaries.sharedFile, clusterDirectory], { stdio: "ignore" });
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

async function lookUp(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const [uid, gid] = await Promise.all([askId("-u", name), askId("-g", name)]);
  return uid === undefined || gid === undefined || uid === 0 ? undefined : { uid, gid };
}

function askId(flag: "-u" | "-g", name: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile("id", [flag, name], (error, stdout) => resolve(error ? undefined : Number.parseInt(stdout, 10)));
  });
}

function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = ["PATH", "SystemRoot", "TEMP", "TMP", "TMPDIR"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), LC_ALL: "C", TZ: "UTC" };
}

function rootIsRefused(why: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "unreachable_as_root",
    `Postgres does not run as root, and ${why}. Do one of these: start Umbel as a normal user; ` +
      "keep its state where that user can reach it (--home /var/lib/umbel) and install Umbel outside closed directories; " +
      "install setpriv (package util-linux); or set UMBEL_DATABASE_URL to a Postgres server that you run.",
  );
}

function foreignDirectory(directory: string, uid: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "foreign_data_directory",
    `The database in ${directory} belongs to user ${uid}. Start Umbel as that user, or choose another state directory with --home.`,
  );
}
