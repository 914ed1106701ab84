import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { CliError, EXIT_CODES } from "./exit-codes.js";
import { refuse, SESSION_CREDENTIAL } from "./refusal.js";

const ANSWER_TIMEOUT_ms = 30_000;
/** Of a whole file. */
const SAVE_TIMEOUT_ms = 60 * 60_000;

export interface CoordinatorReply {
  readonly ok: boolean;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of a refusal. */
  readonly code: string | undefined;
  readonly message: string;
  /** When to come back, in seconds, where it says so. */
  readonly retryAfter_s: number | undefined;
}

interface CoordinatorCall {
  readonly method: string;
  /** Behind the address. */
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string | undefined;
  /** How long the answer may take. */
  readonly timeout_ms?: number;
}

/** What to do when there is no answer, and when it comes from something else. */
interface Advice {
  readonly silent: string;
  readonly stranger: string;
}
const CHECK_COORDINATOR: Advice = { silent: "Check --coordinator, and that it runs.", stranger: "Check --coordinator." };

/**
 * Asks a coordinator: the one place from which commands do.
 *
 * @throws CliError when nothing answers, or something that is no coordinator
 */
export async function callCoordinator(url: string, call: CoordinatorCall, advice: Advice = CHECK_COORDINATOR): Promise<CoordinatorReply> {
  const base = url.replace(/^ws(?=s?:)/i, "http").replace(/\/+$/, "");
  let response: Response;
  let answer: string;
  try {
    response = await fetch(`${base}${call.path}`, {
      method: call.method,
      signal: AbortSignal.timeout(call.timeout_ms ?? ANSWER_TIMEOUT_ms),
      headers: {
        ...call.headers,
        ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
        ...(call.idempotencyKey === undefined ? {} : { "idempotency-key": call.idempotencyKey }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    answer = await response.text();
  } catch (cause) {
    throw new CliError(`Nothing answers at ${url}.`, EXIT_CODES.network, advice.silent, { cause });
  }
  const body = record(parsed(answer));
  if (body === undefined) throw new CliError(`What answers at ${url} is no coordinator.`, EXIT_CODES.network, advice.stranger);
  const error = record(body["error"]);
  const code = typeof error?.["code"] === "string" ? error["code"] : undefined;
  const message = typeof error?.["message"] === "string" ? error["message"] : "the coordinator refused without saying why";
  return { ok: response.ok, status: response.status, body, code, message, retryAfter_s: retryAfterOf(response) };
}

/** Where something is to be had that is no JSON. */
interface Place {
  readonly path: string;
  readonly token: string;
  /** What to do when the coordinator refuses. */
  readonly remedy: string;
  /** What to do when it does not take the token. Default: to sign in again. */
  readonly credential?: string;
}

/**
 * Saves what a coordinator answers as a file of one's own.
 *
 * @returns its size in bytes
 * @throws CliError when nothing answers, or it refuses, or the file cannot be written
 */
export async function saveFromCoordinator(url: string, place: Place, file: string): Promise<number> {
  const body = await openFromCoordinator(url, place);
  const draft = `${file}.part`;
  try {
    await pipeline(Readable.fromWeb(body), createWriteStream(draft, { mode: 0o600 }));
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new CliError(`${file} could not be saved.`, EXIT_CODES.failure, "Check the disk and the connection, then repeat it.", { cause });
  }
  return (await stat(file)).size;
}

/**
 * What a coordinator answers as a text.
 *
 * @throws CliError when nothing answers, or it refuses
 */
export async function readFromCoordinator(url: string, place: Place): Promise<string> {
  return text(Readable.fromWeb(await openFromCoordinator(url, place)));
}

async function openFromCoordinator(
  url: string,
  { path: place, token, remedy, credential = SESSION_CREDENTIAL }: Place,
): Promise<NonNullable<Response["body"]>> {
  let response: Response;
  try {
    const signal = AbortSignal.timeout(SAVE_TIMEOUT_ms);
    response = await fetch(`${url.replace(/\/+$/, "")}${place}`, { headers: { authorization: `Bearer ${token}` }, signal });
  } catch (cause) {
    throw new CliError(`Nothing answers at ${url}.`, EXIT_CODES.network, CHECK_COORDINATOR.silent, { cause });
  }
  if (response.ok && response.body !== null) return response.body;
  const error = record(record(parsed(await response.text()))?.["error"]);
  const [message, code] = [error?.["message"], error?.["code"]].map((said) => (typeof said === "string" ? said : undefined));
  const refusal = {
    status: response.status,
    code,
    message: message ?? `the coordinator answered ${response.status}`,
    retryAfter_s: retryAfterOf(response),
  };
  return refuse(refusal, { remedy, credential });
}

function retryAfterOf({ headers }: Response): number | undefined {
  const seconds = headers.get("retry-after") ?? "";
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  // Checked: an object that is no array.
  return value as Readonly<Record<string, unknown>>;
}
