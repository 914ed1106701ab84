import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "@umbel/protocol";
import { wait } from "../download/wait.js";

/** How often the holder shows that it lives, and after how long without it counts as dead. */
const beat_ms = 5000;
const stale_ms = 30_000;
/** How often a waiter looks again. */
const look_ms = 500;

/**
 * Runs a task that only one process at a time may run: two that fetch the same build share one set of bytes, one after the other. A process
 * that died holds nothing.
 *
 * @param onWait told once that another process is at it
 * @throws the signal's reason, and what the task throws
 */
export async function withLock<T>(
  file: string,
  options: { readonly clock: Clock; readonly signal: AbortSignal; readonly onWait?: () => void },
  task: () => Promise<T>,
): Promise<T> {
  const { clock, signal, onWait } = options;
  await mkdir(path.dirname(file), { recursive: true });
  const token = `${process.pid} ${randomUUID()}`;
  let hasWaited = false;
  while (!(await claim(file, token))) {
    if (await isAbandoned(file, clock)) {
      await takeAway(file);
      continue;
    }
    if (!hasWaited) onWait?.();
    hasWaited = true;
    await wait(clock, look_ms, signal);
  }
  let cancel = (): void => undefined;
  const beat = (): void => {
    const now = clock.date();
    // Without the file there is nothing to keep alive; the next who looks decides.
    utimes(file, now, now).catch(() => undefined);
    cancel = clock.setTimer(beat_ms, beat, "background");
  };
  beat();
  try {
    return await task();
  } finally {
    cancel();
    if ((await readFile(file, "utf8").catch(() => "")) === token) await rm(file, { force: true });
  }
}

async function claim(file: string, token: string): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(token);
  } finally {
    await handle.close();
  }
  try {
    // A link comes into being with its contents, or not at all.
    await link(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function isAbandoned(file: string, clock: Clock): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return false;
  const pid = Number.parseInt(await readFile(file, "utf8").catch(() => ""), 10);
  return clock.date().getTime() - found.mtimeMs > stale_ms || (Number.isInteger(pid) && pid > 0 && !isAlive(pid));
}

/** Two may find the same dead holder: whoever comes second must not take away the lock of the first. */
async function takeAway(file: string): Promise<void> {
  const before = await readFile(file, "utf8").catch(() => undefined);
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  const taken = await readFile(aside, "utf8").catch(() => undefined);
  if (taken !== before) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

/** Whether a process with this id runs, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
