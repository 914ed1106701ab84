import { open, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { redactFields, redactText, TELEMETRY_LIMITS } from "@umbel/protocol";
import { apiUrl } from "./reporter.js";

/** How long a report may be on its way. */
const SEND_ms = 2 * 60_000;
/** Lines that are looked at without letting anybody else have a turn. */
const AT_A_STRETCH = 200;

/** Lines of this machine's log, as they are sent: without keys, tokens, addresses, names of people and long foreign text. */
export interface LogReportLines {
  readonly text: string;
  readonly lines: number;
  /** Older lines that did not fit. */
  readonly leftOut: number;
}

/**
 * The lines of a log and of those that were put aside before it, from a time on; as many of the latest as may be sent.
 *
 * @param facts first line: what is known of the machine
 */
export async function readLogReport(logFile: string, since: Date, facts: object): Promise<LogReportLines> {
  const head = JSON.stringify(redactFields({ report: "umbel-log-report/1", ...facts }));
  const found: string[] = [];
  for (const file of await filesOf(logFile, since)) {
    for (const [index, line] of (await linesOf(file)).entries()) {
      // Whatever else this process does goes on meanwhile.
      if (index % AT_A_STRETCH === 0) await new Promise(setImmediate);
      if (isSince(line, since)) found.push(redacted(line));
    }
  }
  let bytes = Buffer.byteLength(head) + 1;
  let first = found.length;
  while (first > 0) {
    bytes += Buffer.byteLength(found[first - 1] ?? "") + 1;
    if (bytes > TELEMETRY_LIMITS.report_bytes_max) break;
    first -= 1;
  }
  const kept = found.slice(first);
  return { text: `${[head, ...kept].join("\n")}\n`, lines: kept.length, leftOut: first };
}

export type ReportOutcome =
  | { readonly type: "stored"; readonly id: string; readonly machine: string; readonly size_bytes: number }
  | { readonly type: "refused"; readonly status: number; readonly message: string }
  | { readonly type: "silent" };

/** Sends a report; the coordinator knows the machine by its token. */
export async function sendLogReport(
  { coordinatorUrl, authToken }: { readonly coordinatorUrl: string; readonly authToken: string },
  { text }: Pick<LogReportLines, "text">,
  send: typeof fetch = fetch,
): Promise<ReportOutcome> {
  const headers = { authorization: `Bearer ${authToken}`, "content-type": "application/octet-stream", "content-encoding": "gzip" };
  const body = new Uint8Array(await promisify(gzip)(text));
  try {
    const signal = AbortSignal.timeout(SEND_ms);
    const response = await send(apiUrl(coordinatorUrl, "/v1/provider/log-report"), { method: "POST", headers, body, signal });
    const answer = record(parsed(await response.text()));
    const { id, machine, size_bytes } = answer;
    if (response.status === 201 && typeof id === "string" && typeof machine === "string" && typeof size_bytes === "number") {
      return { type: "stored", id, machine, size_bytes };
    }
    const { message } = record(answer["error"]);
    return { type: "refused", status: response.status, message: typeof message === "string" ? message : `status ${response.status}` };
  } catch {
    return { type: "silent" };
  }
}

/** Oldest first; what was put aside before the time holds nothing of it. */
async function filesOf(logFile: string, since: Date): Promise<string[]> {
  const folder = path.dirname(logFile);
  const name = path.basename(logFile);
  const aside = (await readdir(folder).catch(() => [])).filter((other) => other !== name && other.endsWith(`-${name}`)).sort();
  const files: string[] = [];
  for (const file of [...aside, name].map((one) => path.join(folder, one))) {
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }));
    if (mtimeMs >= since.getTime()) files.push(file);
  }
  return files;
}

/** The end of a file, as much of it as could be sent. */
async function linesOf(file: string): Promise<string[]> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    // Redacting and leaving out make it shorter, so more than may be sent is looked at.
    const from = Math.max(0, size - 2 * TELEMETRY_LIMITS.report_bytes_max);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const lines = buffer.toString("utf8", 0, bytesRead).split("\n");
    // The first may have been cut.
    return (from > 0 ? lines.slice(1) : lines).filter((line) => line !== "");
  } finally {
    await handle.close();
  }
}

function isSince(line: string, since: Date): boolean {
  const { time } = record(parsed(line));
  return typeof time === "string" && Date.parse(time) >= since.getTime();
}

function redacted(line: string): string {
  const fields = parsed(line);
  return fields === undefined ? redactText(line) : JSON.stringify(redactFields(fields));
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  // Checked: an object that is no array.
  return value as Readonly<Record<string, unknown>>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
