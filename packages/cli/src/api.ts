import { readFile } from "node:fs/promises";
import path from "node:path";
import { callCoordinator } from "./call-coordinator.js";
import { resolveHome } from "./home.js";
import { LOCAL_KEY_FILE, PROVIDER_TOKEN_FILE } from "./local-accounts.js";
import type { Refusal } from "./refusal.js";

const CHECK_BASE_URL = {
  silent: "Start the network, or point --base-url at one that runs.",
  stranger: "Check --base-url: it is the address of a coordinator.",
};
/** How long a change may take: the coordinator looks for a version's files before it registers them. */
const CHANGE_TIMEOUT_ms = 10 * 60_000;
/** Where a coordinator keeps the operator's key that it has made. */
const ADMIN_KEY_FILE = "admin-key";

export interface ApiOptions {
  /** With its version at the end: `/v1`. */
  readonly baseUrl: string;
  readonly home?: string;
  readonly adminKey?: string;
  readonly apiKey?: string;
  readonly token?: string;
}

export type ApiReply = { readonly ok: true; readonly body: unknown } | ({ readonly ok: false } & Refusal);

/** The operator's key, if there is one at hand. */
export async function adminKeyOf({ adminKey, home }: ApiOptions): Promise<string | undefined> {
  return adminKey ?? given("UMBEL_ADMIN_KEY") ?? kept(home, ADMIN_KEY_FILE);
}

/** What may change the catalogue, if there is one at hand: a publishing key, else the operator's. */
export async function publisherKeyOf(options: ApiOptions): Promise<string | undefined> {
  return options.adminKey ?? given("UMBEL_PUBLISHING_KEY") ?? adminKeyOf(options);
}

/** The consumer's key, if there is one at hand. */
export async function apiKeyOf({ apiKey, home }: ApiOptions): Promise<string | undefined> {
  return apiKey ?? given("UMBEL_API_KEY") ?? kept(home, LOCAL_KEY_FILE);
}

/** The owner's credential, if there is one at hand. */
export async function ownerTokenOf({ token, home }: ApiOptions): Promise<string | undefined> {
  return token ?? given("UMBEL_PROVIDER_TOKEN") ?? kept(home, PROVIDER_TOKEN_FILE);
}

/** `GET` of a path below the base URL. @throws CliError when nothing answers, or something that is no coordinator */
export function getFromApi(pathname: string, token: string, options: ApiOptions): Promise<ApiReply> {
  return askApi({ method: "GET", pathname, token }, options);
}

interface ApiCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly pathname: string;
  readonly token: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string | undefined;
}

/** A call to a path below the base URL. @throws CliError when nothing answers, or something that is no coordinator */
export async function askApi({ method, pathname, token, body, idempotencyKey }: ApiCall, { baseUrl }: ApiOptions): Promise<ApiReply> {
  const call = { method, path: pathname, token, body, idempotencyKey, ...(method !== "GET" && { timeout_ms: CHANGE_TIMEOUT_ms }) };
  const reply = await callCoordinator(baseUrl, call, CHECK_BASE_URL);
  return reply.ok ? { ok: true, body: reply.body } : { ...reply, ok: false };
}

function given(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

async function kept(home: string | undefined, file: string): Promise<string | undefined> {
  try {
    return (await readFile(path.join(resolveHome(home), file), "utf8")).trim();
  } catch {
    // Whoever may not read it has no such credential.
    return undefined;
  }
}
