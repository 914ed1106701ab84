import { ApiError } from "@umbel/dialects";
import { type Accounts, isPublishingKey, isSessionToken, type Principal } from "../accounts/index.js";
import { sessionCookieOf } from "./sign-in/session-cookie.js";

const RETRY_AFTER_s = 2;

/** Where credentials stand in a request. What is said outright goes before a cookie, which a browser sends unasked. */
export interface CredentialHeaders {
  readonly authorization?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly cookie?: string | undefined;
}

/**
 * Who is calling. One answer for unknown, disabled and expired keys, so that guessing teaches nothing (api.md §3.2).
 *
 * @throws ApiError 401 without valid credentials, 403 with a publishing key, 503 when the accounts cannot be asked.
 */
export async function authenticate(
  headers: CredentialHeaders,
  accounts: Pick<Accounts, "authenticate" | "authenticateCookie">,
): Promise<Principal> {
  const { authorization, apiKey } = headers;
  const token = authorization === undefined ? apiKey : bearerOf(authorization);
  const cookie = authorization === undefined && apiKey === undefined ? sessionCookieOf(headers.cookie) : undefined;
  if (cookie !== undefined) {
    const person = await read(accounts.authenticateCookie(cookie));
    if (person !== undefined) return person;
    throw unauthenticated("the session has ended — sign in again");
  }
  if (token === undefined || token === "") throw unauthenticated("missing credentials — use Authorization: Bearer <token>");
  if (isPublishingKey(token)) {
    throw new ApiError({ status: 403, code: "forbidden", message: "publishing keys change the catalogue and do nothing else" });
  }
  const principal = await read(accounts.authenticate(token));
  if (principal === undefined) throw unauthenticated(isSessionToken(token) ? "invalid or expired session token" : "invalid API key");
  return principal;
}

async function read(principal: Promise<Principal | undefined>): Promise<Principal | undefined> {
  try {
    return await principal;
  } catch (cause) {
    throw new ApiError({
      status: 503,
      code: "service_unavailable",
      message: "accounts cannot be read right now — please retry",
      retryAfter_s: RETRY_AFTER_s,
      cause,
    });
  }
}

/** The token of an `Authorization` header; undefined when it holds none. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^bearer\s+(\S+)\s*$/i.exec(authorization ?? "")?.[1];
}

function unauthenticated(message: string): ApiError {
  return new ApiError({ status: 401, code: "authentication_error", message });
}
