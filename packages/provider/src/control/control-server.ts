import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { z } from "zod";
import { askProvider } from "./control-client.js";
import { ControlError } from "./control-error.js";
import { controlPath } from "./control-path.js";
import { CONTROL_LIMITS } from "./limits.js";
import { readLine } from "./lines.js";

/** What can be asked of a running provider, by name; what a function throws is told to whoever asked. */
export type ControlHandlers = Readonly<Record<string, (parameters: Readonly<Record<string, unknown>>) => Promise<unknown>>>;

export interface ControlServer {
  close(): Promise<void>;
}

const question = z.object({ ask: z.string().max(64) }).loose();

/**
 * Listens for the commands of this home's owner, and is at once what makes a provider the only one on its home: the operating system gives a
 * listening socket to one process and takes it back when that one ends, however it ends. No process is ever ended for its number.
 *
 * @throws ControlError `already_running`
 */
export async function startControl(home: string, handlers: ControlHandlers): Promise<ControlServer> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const address = controlPath(home);
  const server = createServer((socket) => void converse(socket, handlers));
  server.maxConnections = CONTROL_LIMITS.connections_max;
  if (!(await listens(server, address))) await takeOver(server, address, home);
  if (process.platform !== "win32") await chmod(address, 0o600);
  // Being asked is no reason to live on.
  server.unref();
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

/** The socket file of a process that is dead stays behind. One newcomer at a time finds that out and puts its own in the place. */
async function takeOver(server: Server, address: string, home: string): Promise<void> {
  const turn = `${address}.takeover`;
  if (!(await takesTurn(turn))) throw alreadyRunning(home, undefined);
  try {
    const running = await askProvider(home, "status").catch((error: unknown) => error);
    if (!(running instanceof ControlError) || running.code !== "not_running") throw alreadyRunning(home, running);
    await rm(address, { force: true });
    if (!(await listens(server, address))) throw alreadyRunning(home, undefined);
  } finally {
    await rm(turn, { recursive: true, force: true });
  }
}

/**
 * A turn is a directory, which one process can make. One that was left behind by a process that was killed may be taken by whoever gets the turn
 * to take just that one: somebody slower finds another in its place then, and leaves it.
 */
async function takesTurn(turn: string): Promise<boolean> {
  if (await makes(turn)) return true;
  const madeAt_ms = await madeAt(turn);
  if (madeAt_ms === undefined) return makes(turn);
  if (Date.now() - madeAt_ms < CONTROL_LIMITS.takeover_age_ms_max) return false;
  const turnToTake = `${turn}.${Math.trunc(madeAt_ms)}`;
  if (!(await takesTurn(turnToTake))) return false;
  try {
    if ((await madeAt(turn)) !== madeAt_ms) return false;
    await rm(turn, { recursive: true, force: true });
    return await makes(turn);
  } finally {
    await rm(turnToTake, { recursive: true, force: true });
  }
}

function makes(directory: string): Promise<boolean> {
  return mkdir(directory).then(
    () => true,
    () => false,
  );
}

function madeAt(directory: string): Promise<number | undefined> {
  return stat(directory).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

function listens(server: Server, address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(false) : reject(error)));
    server.listen(address, () => resolve(true));
  });
}

function alreadyRunning(home: string, status: unknown): ControlError {
  const pid = z.object({ pid: z.number() }).safeParse(status).data?.pid;
  const who = pid === undefined ? "" : ` (process ${pid})`;
  return new ControlError("already_running", `A provider already runs on ${path.resolve(home)}${who}.`);
}

async function converse(socket: Socket, handlers: ControlHandlers): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    const { ask, ...parameters } = question.parse(JSON.parse(await readLine(socket)));
    const handler = Object.hasOwn(handlers, ask) ? handlers[ask] : undefined;
    if (handler === undefined) throw new Error(`a provider of this version cannot be asked "${ask}"`);
    socket.end(`${JSON.stringify({ answer: (await handler(parameters)) ?? null })}\n`);
  } catch (error) {
    socket.end(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
  }
}
