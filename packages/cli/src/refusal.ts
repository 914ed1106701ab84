import { CliError, EXIT_CODES } from "./exit-codes.js";

/** What a coordinator has refused. */
export interface Refusal {
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string;
  /** When to come back, in seconds, where it says so. */
  readonly retryAfter_s?: number | undefined;
}

interface Advice {
  /** What to do about it. */
  readonly remedy: string;
  /** What to do when the credential is at fault. */
  readonly credential: string;
  /** What to do about these codes, instead. */
  readonly byCode?: Readonly<Record<string, string>>;
}

export const SESSION_CREDENTIAL =
  "Give --token a session token of the account; sign in with: umbel login; its coordinator makes one with: umbel session";
/** Codes of what was typed wrongly; whatever else a 400 is about depends on how things stand. */
const MISTYPED: ReadonlySet<string | undefined> = new Set([undefined, "bad_request", "invalid_request_error"]);
/** Refused with 403, and no other credential helps. */
const STANDING: ReadonlySet<string | undefined> = new Set(["not_onboarded", "account_frozen"]);

/** Ends a command with what was refused. @throws CliError always: what it means, and what to do */
export function refuse({ status, code, message, retryAfter_s }: Refusal, { remedy, credential, byCode = {} }: Advice): never {
  const isAuthentication = (status === 401 || status === 403) && !STANDING.has(code);
  const { authentication, failure, usage } = EXIT_CODES;
  const exitCode = isAuthentication ? authentication : status === 400 && MISTYPED.has(code) ? usage : failure;
  const isPassing = status === 429 || status === 503;
  const next = byCode[code ?? ""] ?? (isAuthentication ? credential : isPassing ? later(retryAfter_s) : remedy);
  throw new CliError(`${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? "" : "."}`, exitCode, next);
}

function later(retryAfter_s: number | undefined): string {
  return retryAfter_s === undefined
    ? "Try again in a while."
    : `Try again in ${retryAfter_s} ${retryAfter_s === 1 ? "second" : "seconds"}.`;
}
