/** The machine behind a code, in its own words, and what it asks for. */
export interface AskingMachine {
  readonly client_name: string;
  readonly platform: string;
  readonly network: string;
  readonly asked_at: string;
  /** `person`: a program that is to be signed in as whoever approves. */
  readonly purpose: "machine" | "person";
  readonly scopes: readonly Scope[];
}

export interface Scope {
  readonly id: string;
  readonly description: string;
}

export type Decision = "approve" | "deny";

/** What the coordinator refused, in its own words. */
export class Refusal extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** @throws Refusal */
export async function askingMachine(code: string, session: string): Promise<AskingMachine> {
  return call(`/v1/device/pending?user_code=${encodeURIComponent(code)}`, { method: "GET" }, session);
}

/** @throws Refusal */
export async function decide(code: string, decision: Decision, session: string): Promise<void> {
  await call(`/v1/device/${decision}`, { method: "POST", body: JSON.stringify({ user_code: code }) }, session);
}

async function call<Answer>(path: string, request: RequestInit, session: string): Promise<Answer> {
  const headers = {
    // Without a token, the browser's cookie says who decides.
    ...(session === "" ? {} : { authorization: `Bearer ${session}` }),
    ...(request.body === undefined ? {} : { "content-type": "application/json" }),
  };
  const response = await fetch(path, { ...request, headers });
  const body = await response.json().catch(() => undefined);
  if (response.ok) return body;
  throw new Refusal(body?.error?.message ?? `The coordinator answered ${response.status}.`, response.status);
}
