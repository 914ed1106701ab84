import { createHmac } from "node:crypto";

/**
 * Names the scope within which an account's prefixes may be reused on a machine: equal for one account, different for any two, and telling
 * nothing of either to whoever sees it.
 *
 * @param salt secret of this process
 */
export function createCacheScope(salt: Uint8Array): (accountId: string) => string {
  return (accountId) => createHmac("sha256", salt).update(accountId).digest("base64url");
}
