import { createHash } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import { createBucketTable } from "../inference/index.js";
import type { CredentialHeaders } from "./bearer.js";

/** Wrong credentials that an address may show: so many at once, and one more in every so many seconds. Right ones do not count. */
export const WRONG_CREDENTIALS = { burst: 40, perSecond: 1 / 3 } as const;
/** Credentials of the latest successes, by digest; of more, the oldest are forgotten. */
const PROVEN_max = 10_000;

/**
 * Keeps an address from guessing on. Many people may stand behind one address, and one who guesses must not lock the others out: whoever has
 * shown good credentials before still gets in with them.
 */
export interface WrongCredentials {
  /** How long the address has to wait before these are looked at; undefined is not at all. */
  wait_ms(address: string, credentials: CredentialHeaders): number | undefined;
  proven(credentials: CredentialHeaders): void;
  refused(address: string): void;
}

/** @param isLimited false where the operator limits no address */
export function createWrongCredentials(clock: Clock, { isLimited }: { readonly isLimited: boolean }): WrongCredentials {
  const buckets = createBucketTable(clock);
  const rate = isLimited ? WRONG_CREDENTIALS : { ...WRONG_CREDENTIALS, perSecond: 0 };
  const known = new Set<string>();
  return {
    wait_ms(address, credentials) {
      const bucket = buckets.of(address, rate);
      if (bucket === undefined || bucket.holds(1) || known.has(digestOf(credentials))) return undefined;
      return bucket.wait_ms(1);
    },
    proven(credentials) {
      const digest = digestOf(credentials);
      known.delete(digest);
      known.add(digest);
      if (known.size <= PROVEN_max) return;
      const [oldest] = known;
      if (oldest !== undefined) known.delete(oldest);
    },
    refused(address) {
      buckets.of(address, rate)?.take(1);
    },
  };
}

function digestOf({ authorization = "", apiKey = "", cookie = "" }: CredentialHeaders): string {
  return createHash("sha256")
    .update(JSON.stringify([authorization, apiKey, cookie]))
    .digest("base64");
}
