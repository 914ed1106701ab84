/** What the coordinator refused, in its own words. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(message: string, status: number, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * Asks the coordinator with the browser's cookie, which no script sees.
 *
 * @param key what is asked for again under the same key happens once
 * @throws Refusal
 */
export async function ask<Answer>(method: Method, path: string, body?: unknown, key?: string): Promise<Answer> {
  const isWrite = method !== "GET";
  const headers = { "content-type": "application/json", ...(key === undefined ? {} : { "idempotency-key": key }) };
  const response = await fetch(path, { method, ...(isWrite ? { headers, body: JSON.stringify(body ?? {}) } : {}) });
  const answer = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  const { message, code } = answer?.error ?? {};
  const wait_s = response.status === 429 ? Number(response.headers.get("retry-after")) : 0;
  const words = wait_s > 0 ? tooOften(wait_s) : sentence(message ?? `the coordinator answered ${response.status}`);
  // Whoever runs the network finds it by that.
  const request = response.status >= 500 ? response.headers.get("x-request-id") : null;
  throw new Refusal(request === null ? words : `${words} (Request ${request}.)`, response.status, code ?? "");
}

export interface PublicConfig {
  readonly setup_needed: boolean;
  readonly registration: "open" | "invite" | "closed";
  readonly sign_in: {
    readonly email_code: boolean;
    readonly passkey: boolean;
    readonly providers: readonly { readonly id: string; readonly name: string }[];
  };
}

export interface Person {
  readonly account_id: string;
  readonly display_name: string;
  readonly email: string | null;
  readonly operator: boolean;
  readonly second_factor: boolean;
  readonly signs_in_here: boolean;
}

export const publicConfig = (): Promise<PublicConfig> => ask("GET", "/v1/config/public");

/** Whoever is signed in; undefined for nobody. */
export async function whoIsHere(): Promise<Person | undefined> {
  try {
    return await ask<Person>("GET", "/v1/me");
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return undefined;
    throw error;
  }
}

function tooOften(wait_s: number): string {
  return `That was too often. Try again in ${wait_s < 120 ? `${wait_s} seconds` : `${Math.ceil(wait_s / 60)} minutes`}.`;
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
