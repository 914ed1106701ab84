import { type Clock, type DeviceKeyPair, SignatureError, signClaims, verifyClaims } from "@umbel/protocol";

export const SESSION_LIMITS = {
  ttl_ms_default: 60 * 60_000,
  /** A token cannot be taken back before it ends, so it ends soon. */
  ttl_ms_max: 12 * 60 * 60_000,
} as const;

/** How much another clock may be ahead of ours. */
const CLOCK_SKEW_ms = 60_000;

/** Tokens of people who manage an account, signed by the coordinator that accepts them. Nothing of them is stored. */
export interface Sessions {
  /** @param ttl_ms until it ends, at most `SESSION_LIMITS.ttl_ms_max`. @throws RangeError beyond that */
  issue(accountId: string, ttl_ms?: number): Promise<string>;
  /** Whose a token is, and since when; undefined for one that this coordinator did not sign, or that has ended. */
  read(token: string): Promise<{ readonly accountId: string; readonly issuedAt: Date } | undefined>;
}

/** @param identity the coordinator's own key */
export function createSessions({ identity, clock }: { readonly identity: DeviceKeyPair; readonly clock: Clock }): Sessions {
  return {
    async issue(accountId, ttl_ms = SESSION_LIMITS.ttl_ms_default) {
      if (!(ttl_ms > 0 && ttl_ms <= SESSION_LIMITS.ttl_ms_max)) throw new RangeError("a session lasts at most 12 hours");
      const issuedAt = clock.date();
      const expiresAt = new Date(issuedAt.getTime() + ttl_ms);
      return signClaims(identity, "session", {
        account_id: accountId,
        issued_at: issuedAt.toISOString(),
        expires_at: expiresAt.toISOString(),
      });
    },
    async read(token) {
      try {
        const { account_id, issued_at, expires_at } = await verifyClaims(identity.publicJwk, "session", token);
        const now_ms = clock.date().getTime();
        const isCurrent = Date.parse(issued_at) <= now_ms + CLOCK_SKEW_ms && Date.parse(expires_at) > now_ms;
        return isCurrent ? { accountId: account_id, issuedAt: new Date(issued_at) } : undefined;
      } catch (error) {
        if (error instanceof SignatureError) return undefined;
        throw error;
      }
    },
  };
}

/** A JSON Web Token begins with the base64 of `{"`, which no key or token of ours does. */
export function isSignedToken(token: string): boolean {
  return token.startsWith("eyJ");
}
