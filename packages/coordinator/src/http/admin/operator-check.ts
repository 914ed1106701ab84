import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "@umbel/dialects";
import { isSessionToken, type Principal } from "../../accounts/index.js";
import { asked } from "../asked.js";
import { authenticate, bearerOf, type CredentialHeaders } from "../bearer.js";
import type { HttpDependencies } from "../dependencies.js";
import { isOperator } from "./operator-standing.js";

/** Whoever holds the operator's key. It stands for no account: nothing of `admin` can be spent or owned. */
const ADMIN_KEY_HOLDER: Principal = { accountId: "admin", method: "admin_key", key: undefined };

/**
 * Whether a caller may do what the operator may: it holds the operator's key, or has signed in to one of the operator's accounts. An API key
 * of such an account is not enough, because it lies about in programs (api.md §3.5).
 *
 * @returns asks for the headers of a request; resolves with the caller. It throws ApiError: 401 without credentials or with a session that is
 *   over, 403 for anybody else.
 */
export function createOperatorCheck({
  accounts,
  adminKey,
  settings,
  people,
}: Pick<HttpDependencies, "accounts" | "adminKey" | "settings" | "people">): (headers: CredentialHeaders) => Promise<Principal> {
  const expected = digest(adminKey);
  return async (headers) => {
    const token = bearerOf(headers.authorization);
    if (token !== undefined && timingSafeEqual(digest(token), expected)) return ADMIN_KEY_HOLDER;
    // Without a token, this is what tells the caller so; keys are not looked up, so that this is no oracle for them.
    const principal = token === undefined || isSessionToken(token) ? await authenticate(headers, accounts) : undefined;
    if (principal !== undefined && (await asked(isOperator(principal, { settings, people })))) return principal;
    throw new ApiError({ status: 403, code: "forbidden", message: "admin access required" });
  };
}

/** Whether an `Authorization` header carries a key; never so where there is none. */
export function createKeyCheck(key: string | undefined): (authorization: string | undefined) => boolean {
  const expected = key === undefined ? undefined : digest(key);
  return (authorization) => {
    const token = bearerOf(authorization);
    return expected !== undefined && token !== undefined && timingSafeEqual(digest(token), expected);
  };
}

/** Of equal length whatever is compared. */
function digest(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
