import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import type { Output } from "../output.js";
import { ownCommand } from "../update/installation.js";
import { type ProviderStatus, statusOf } from "./ask.js";
import { phaseInWords, restInWords } from "./in-words.js";
import type { ProviderPlaces } from "./places.js";

/** Verifying and loading large models takes minutes; a provider that is not ready by then goes on, and the command says so. */
const READY_ms = 120_000;
const LOOK_EVERY_ms = 100;
/** What is shown of a provider's log when it did not start. */
const TAIL_LINES = 10;
/** Up to which a provider is no further than trying. */
const NOT_YET: readonly string[] = ["stopped", "starting", "connecting"];

const runRecord = z.object({ args: z.array(z.string()), pid: z.number().exactOptional() });
type RunRecord = z.infer<typeof runRecord>;

/**
 * Starts `umbel provider start` with these arguments as a process of its own that outlives this one, and waits until it serves.
 *
 * @param args of the command, from `provider` on
 * @throws CliError when one runs already, or it ended at once, with what it said
 */
export async function startInBackground(places: ProviderPlaces, args: readonly string[], output: Output): Promise<void> {
  const running = await statusOf(places.home);
  if (running !== undefined) {
    throw new CliError(
      `A provider already runs on ${places.home} (process ${running.pid}).`,
      EXIT_CODES.failure,
      "See it: umbel provider status.",
    );
  }
  output.note("Starting the provider and loading its models …");
  const { pid, ready } = launchInBackground(places, args);
  const status = await ready;
  output.result({ pid, log: places.log, provider: status });
  output.line(`The provider runs in the background (process ${pid}): ${phaseInWords(status?.phase ?? "starting")}.`);
  for (const reason of status?.rest_reasons ?? []) output.line(`It takes no work for now: ${restInWords(reason)}.`);
  for (const failure of status?.load_failures ?? []) output.line(`Not loaded: ${failure.build} (${failure.code}: ${failure.message})`);
  output.line("See it with umbel provider status, its log with umbel provider logs, and stop it with umbel provider stop.");
}

interface Launched {
  readonly pid: number | undefined;
  /** As far as it came in time. Throws CliError when it ended at once, with what it said. */
  readonly ready: Promise<ProviderStatus | undefined>;
  /** Ends it whether it listens or not; resolves when it is gone. */
  kill(): Promise<void>;
}

/** As `startInBackground`, without a word. */
export function launchInBackground(places: ProviderPlaces, args: readonly string[], within_ms = READY_ms): Launched {
  const own = args.filter((arg) => arg !== "--json");
  mkdirSync(path.dirname(places.log), { recursive: true, mode: 0o700 });
  mkdirSync(places.home, { recursive: true, mode: 0o700 });
  const crashLog = openSync(places.crashLog, "w", 0o600);
  const [program, ...first] = ownCommand();
  const child = spawn(program, [...first, ...own, "--foreground", "--log-file", places.log], {
    detached: true,
    stdio: ["ignore", crashLog, crashLog],
    windowsHide: true,
  });
  closeSync(crashLog);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.unref();
  const record: RunRecord = { args: own, ...(child.pid !== undefined && { pid: child.pid }) };
  // A token may be among the arguments.
  writeFileSync(places.runRecord, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  return {
    pid: child.pid,
    ready: Promise.race([readyWithin(places.home, within_ms), exited.then((code) => ended(code, places))]),
    async kill() {
      if (child.pid !== undefined && child.kill("SIGKILL")) await exited;
    },
  };
}

/** How it was started last, and as which process. @throws CliError when it was never started in the background */
export function lastRun({ runRecord: file }: ProviderPlaces): RunRecord {
  try {
    return runRecord.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new CliError("It is not known how the provider was started.", EXIT_CODES.failure, "Start it: umbel provider start.", { cause });
  }
}

/** What a provider that was just started says once it serves, or as far as it came in time; undefined when it was not heard of. */
export async function readyWithin(home: string, within_ms = READY_ms): Promise<ProviderStatus | undefined> {
  const deadline_ms = performance.now() + within_ms;
  let status: ProviderStatus | undefined;
  while (performance.now() < deadline_ms) {
    status = await statusOf(home);
    if (status !== undefined && !NOT_YET.includes(status.phase)) return status;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_ms));
  }
  return status;
}

function ended(code: number | null, { crashLog, log }: ProviderPlaces): never {
  const said = tail(crashLog);
  const known = Object.values(EXIT_CODES).find((exitCode) => exitCode === code);
  throw new CliError(
    `The provider ended at once${said === "" ? "" : `:\n${said}`}`,
    known === undefined || known === EXIT_CODES.ok ? EXIT_CODES.failure : known,
    `Its log is ${log}.`,
  );
}

function tail(file: string): string {
  try {
    return readFileSync(file, "utf8").trim().split("\n").slice(-TAIL_LINES).join("\n");
  } catch {
    return "";
  }
}
