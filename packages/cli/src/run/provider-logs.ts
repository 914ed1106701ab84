import { createReadStream, watch } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { stopRequested } from "../process/managed.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { duration_ms } from "../provider/durations.js";
import { providerPlaces } from "../provider/places.js";

const LINES_default = 50;
const LINES_max = 10_000;
/** The end of a log that is looked at for its last lines. */
const TAIL_bytes_max = 4 * 1024 * 1024;

export interface LogsOptions extends PlaceOptions {
  readonly lines?: string;
  /** Those of so long instead. */
  readonly last?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const logLine = z.object({ time: z.string(), level: z.number(), msg: z.string() }).loose();
const LEVELS: Readonly<Record<number, string>> = { 20: "debug", 30: "info", 40: "WARN", 50: "ERROR", 60: "FATAL" };
/** Said of every line, or said already. */
const PLAIN_FIELDS: readonly string[] = ["time", "level", "msg", "component"];

/** `umbel provider logs`: the last lines of a provider in the background, and with `--follow` what comes. */
export async function providerLogs(options: LogsOptions): Promise<void> {
  const { log } = providerPlaces(options);
  const since = options.last === undefined ? "" : new Date(Date.now() - duration_ms("--last", options.last)).toISOString();
  const wanted = options.lines ?? String(options.last === undefined ? LINES_default : LINES_max);
  const count = /^\d{1,5}$/.test(wanted) ? Number(wanted) : Number.NaN;
  if (!(count >= 0 && count <= LINES_max)) {
    throw new CliError(`--lines takes a whole number up to ${LINES_max}, not "${wanted}".`, EXIT_CODES.usage);
  }
  const show = options.json === true ? (line: string) => line : inWords;
  const { lines, end } = await lastLines(log, count);
  for (const line of lines) if (timeOf(line) >= since) process.stdout.write(`${show(line)}\n`);
  if (options.follow === true) await follow(log, end, (line) => process.stdout.write(`${show(line)}\n`));
}

/** What is no line of the log's own has no time, and is shown only where none is asked for. */
function timeOf(line: string): string {
  return logLine.safeParse(safeJson(line)).data?.time ?? "";
}

async function lastLines(file: string, count: number): Promise<{ readonly lines: readonly string[]; readonly end: number }> {
  const handle = await open(file).catch((cause: unknown) => {
    throw new CliError(
      "There is no log yet.",
      EXIT_CODES.failure,
      "A provider writes one when it runs in the background: umbel provider start.",
      {
        cause,
      },
    );
  });
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL_bytes_max);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const lines = buffer
      .toString("utf8", 0, bytesRead)
      .split("\n")
      .filter((line) => line !== "");
    return { lines: count === 0 ? [] : lines.slice(-count), end: from + bytesRead };
  } finally {
    await handle.close();
  }
}

/** Until Ctrl-C. A log that has been put aside goes on in a new file, from its beginning. */
async function follow(file: string, from: number, onLine: (line: string) => void): Promise<void> {
  let position = from;
  let reading: Promise<void> = Promise.resolve();
  const readOn = async () => {
    const { size } = await stat(file).catch(() => ({ size: position }));
    if (size < position) position = 0;
    if (size === position) return;
    const stream = createReadStream(file, { start: position, end: size - 1, encoding: "utf8" });
    position = size;
    for await (const line of createInterface({ input: stream })) if (line !== "") onLine(line);
  };
  const watcher = watch(file, () => {
    reading = reading.then(readOn);
  });
  await stopRequested();
  watcher.close();
  await reading;
}

function inWords(line: string): string {
  const parsed = logLine.safeParse(safeJson(line));
  if (!parsed.success) return line;
  const { time, level, msg, ...fields } = parsed.data;
  const rest = Object.entries(fields).filter(([name]) => !PLAIN_FIELDS.includes(name));
  const details = rest.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
  return `${time} ${(LEVELS[level] ?? String(level)).padEnd(5)} ${msg}${details === "" ? "" : `  ${details}`}`;
}

function safeJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
