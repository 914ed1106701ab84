import { createHmac } from "node:crypto";

/**
 * Names the scope within which prefixes may be reused on a machine: equal for one account and one cache key of its, different for any two, and
 * telling nothing of either to whoever sees it.
 *
 * @param salt secret of this process
 */
export function createCacheScope(salt: Uint8Array): (accountId: string, cacheKey?: string) => string {
  return (accountId, cacheKey) => {
    // The separator cannot be part of an account id, so no two pairs have one text.
    const name = cacheKey === undefined ? accountId : `${accountId}\0${cacheKey}`;
    return createHmac("sha256", salt).update(name).digest("base64url");
  };
}
