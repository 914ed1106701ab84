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

type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Asks the coordinator with the browser's cookie, which no script sees. @throws Refusal */
export async function ask<Answer>(method: Method, path: string, body?: unknown): Promise<Answer> {
  const isWrite = method !== "GET";
  const response = await fetch(path, {
    method,
    ...(isWrite ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) } : {}),
  });
  const answer = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  const { message, code } = answer?.error ?? {};
  throw new Refusal(sentence(message ?? `the coordinator answered ${response.status}`), response.status, code ?? "");
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

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
