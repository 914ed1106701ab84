import { createHmac } from "node:crypto";

/**
 * Names the scope within which prefixes may be reused on a machine: equal for one account and one cache key of its, different for any two, and
 * telling nothing of either to whoever sees it. What stands before a dot is equal for all scopes of one account, so that a machine can serve
 * accounts in turn, however many cache keys one of them has.
 *
 * @param salt secret of this process
 */
export function createCacheScope(salt: Uint8Array): (accountId: string, cacheKey?: string) => string {
  const tag = (name: string): string => createHmac("sha256", salt).update(name).digest("base64url");
  // The separator cannot be part of an account id, so no two pairs have one text.
  return (accountId, cacheKey) => (cacheKey === undefined ? tag(accountId) : `${tag(accountId)}.${tag(`${accountId}\0${cacheKey}`)}`);
}
