/**
 * Both ends of a child process that `umbel up` manages. The parent and the child speak over Node's IPC channel: the child says `ready`
 * or `failed`, the parent says `stop`. A child whose parent vanishes stops by itself; it ignores Ctrl-C, which the terminal sends to the
 * whole process group, because the parent decides the order in which things stop.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CliError, EXIT_CODES } from "../exit-codes.js";

type FromChild =
  | { readonly type: "ready"; readonly url?: string }
  | { readonly type: "failed"; readonly message: string; readonly remedy?: string; readonly exitCode: number };

export interface ManagedChild {
  readonly name: string;
  /** Resolves with what the child announced. @throws CliError when it fails or exits first. */
  readonly ready: Promise<{ readonly url?: string }>;
  /** Resolves when the process has ended. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Asks it to stop, waits, and kills it after `grace_ms`. */
  stop(grace_ms: number): Promise<void>;
}

/** Starts `umbel <args>` as a managed child. Its log lines go to `logFd`, never to the terminal. */
export function startManaged(
  name: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly logFd: number },
): ManagedChild {
  const main = fileURLToPath(new URL("../../bin/umbel.js", import.meta.url));
  const child = spawn(process.execPath, [main, ...args], { env: options.env, stdio: ["ignore", options.logFd, options.logFd, "ipc"] });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: EXIT_CODES.failure, signal: null }));
  });
  return { name, ready: readiness(name, child, exited), exited, stop: (grace_ms) => stop(child, exited, grace_ms) };
}

function readiness(name: string, child: ChildProcess, exited: ManagedChild["exited"]): Promise<{ readonly url?: string }> {
  const announced = new Promise<{ readonly url?: string }>((resolve, reject) => {
    child.on("message", (message: FromChild) => {
      if (message.type === "ready") resolve(message.url === undefined ? {} : { url: message.url });
      else reject(new CliError(message.message, exitCodeOf(message.exitCode), message.remedy));
    });
  });
  const died = exited.then(({ code, signal }) => {
    throw new CliError(
      `The ${name} stopped before it was ready (${signal ?? `exit code ${code}`}).`,
      EXIT_CODES.failure,
      "Its log file under the Umbel home says why.",
    );
  });
  const first = Promise.race([announced, died]);
  first.catch(() => undefined);
  return first;
}

async function stop(child: ChildProcess, exited: ManagedChild["exited"], grace_ms: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (child.connected) child.send({ type: "stop" });
  else child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), grace_ms);
  await exited;
  clearTimeout(timer);
}

function exitCodeOf(code: number): CliError["exitCode"] {
  return Object.values(EXIT_CODES).find((known) => known === code) ?? EXIT_CODES.failure;
}

/** Tells the managing parent, if there is one, that this process is ready. */
export function announceReady(details: { readonly url?: string }): void {
  process.send?.({ type: "ready", ...details } satisfies FromChild);
}

/** Tells the managing parent, if there is one, why this process cannot start. */
export function announceFailure(error: CliError): void {
  process.send?.({
    type: "failed",
    message: error.message,
    exitCode: error.exitCode,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
  } satisfies FromChild);
}

/**
 * Resolves when this process should stop: on SIGTERM, on SIGINT of a process that nobody manages, on the parent's word or its
 * disappearance. A second signal ends the process at once.
 */
export function stopRequested(): Promise<void> {
  const managed = process.send !== undefined;
  return new Promise((resolve) => {
    let asked = false;
    const ask = () => {
      if (asked) process.exit(EXIT_CODES.failure);
      asked = true;
      resolve();
    };
    process.on("SIGTERM", ask);
    process.on("SIGINT", managed ? () => undefined : ask);
    if (!managed) return;
    process.on("message", (message: { readonly type: string }) => {
      if (message.type === "stop") ask();
    });
    process.on("disconnect", () => {
      if (!asked) ask();
    });
  });
}
