/** Starts real `umbel` processes and stops them: nothing of the network is replaced in these tests. */
import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** The command, as npm links it. */
export const UMBEL = fileURLToPath(new URL("../../../packages/cli/bin/umbel.js", import.meta.url));

export interface UmbelProcess {
  readonly pid: number;
  /** The JSON object that `--json` prints once the command is ready. @throws with the output so far when it exits first. */
  readonly ready: Promise<Record<string, unknown>>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Everything written to standard output and error so far. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<void>;
}

export function umbel(args: readonly string[], env: NodeJS.ProcessEnv = {}): UmbelProcess {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, [UMBEL, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  let stdout = "";
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code, signal })),
  );
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString();
      stdout += data.toString();
      const line = stdout.split("\n").find((candidate) => candidate.startsWith("{"));
      if (line !== undefined && stdout.includes(`${line}\n`)) resolve(JSON.parse(line));
    });
    void exited.then(({ code, signal }) => reject(new Error(`umbel ${args.join(" ")} ended (${signal ?? code}):\n${text}`)));
  });
  ready.catch(() => undefined);
  child.stderr.on("data", (data: Buffer) => {
    text += data.toString();
  });
  return {
    pid: child.pid ?? 0,
    ready,
    exited,
    output: () => text,
    kill: (signal) => void child.kill(signal),
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Runs a command that ends by itself, and waits for it. */
export function runUmbel(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [UMBEL, ...args], { encoding: "utf8", env: { ...process.env, ...env } });
  return { status, stdout, stderr };
}

/** A fresh Umbel home; `remove` deletes it. */
export function temporaryHome(): { readonly path: string; remove(): void } {
  const home = mkdtempSync(path.join(tmpdir(), "umbel-e2e-"));
  return { path: home, remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** A port that was free a moment ago, for processes that must come back on the same one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("the probe socket has no port");
  return address.port;
}

/** Calls `probe` until it gives a value; for facts of another process that announce themselves to nobody. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined>, timeout_ms = 30_000): Promise<T> {
  const deadline = performance.now() + timeout_ms;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
