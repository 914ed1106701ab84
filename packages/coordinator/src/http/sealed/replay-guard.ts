import { ApiError } from "@umbel/dialects";
import { type Clock, SEALED_LIMITS } from "@umbel/protocol";

/** An envelope that was sealed by the fastest clock that is accepted is acceptable for so long. */
const REMEMBERED_ms = 2 * SEALED_LIMITS.clockSkew_ms_max;
const RETRY_AFTER_s = 60;

export const REPLAY_LIMITS = {
  /** Envelopes that are remembered, in all and of one account, so that no account leaves the others without. */
  envelopes_max: 500_000,
  envelopesOfAccount_max: 100_000,
} as const;

/** Sees to it that an envelope is taken once. */
export interface ReplayGuard {
  /** @throws ApiError 400 `replayed_request` when it was sealed too long ago, or in the future */
  refuseStale(timestamp: string): void;
  /**
   * @param nonce of an envelope that was opened, and so proven
   * @throws ApiError 400 `replayed_request` when it was here before; 429, 503 when no more can be remembered: what cannot be is not taken
   */
  remember(accountId: string, nonce: string): void;
}

export function createReplayGuard(clock: Clock, limits: Readonly<Record<keyof typeof REPLAY_LIMITS, number>> = REPLAY_LIMITS): ReplayGuard {
  /** In the order in which they came, which is that in which they go. */
  const seen = new Map<string, { readonly accountId: string; readonly until_ms: number }>();
  const ofAccount = new Map<string, number>();

  function forget(): void {
    const now_ms = clock.now_ms();
    for (const [nonce, { accountId, until_ms }] of seen) {
      if (until_ms > now_ms) return;
      seen.delete(nonce);
      const left = (ofAccount.get(accountId) ?? 0) - 1;
      if (left > 0) ofAccount.set(accountId, left);
      else ofAccount.delete(accountId);
    }
  }

  return {
    refuseStale(timestamp) {
      const age_ms = clock.date().getTime() - Date.parse(timestamp);
      if (Math.abs(age_ms) <= SEALED_LIMITS.clockSkew_ms_max) return;
      const most_s = SEALED_LIMITS.clockSkew_ms_max / 1_000;
      throw replayed(`the sealed request's timestamp is more than ${most_s} s from this coordinator's clock`);
    },
    remember(accountId, nonce) {
      forget();
      if (seen.has(nonce)) throw replayed("this sealed request has been seen before; seal anew");
      const count = ofAccount.get(accountId) ?? 0;
      if (count >= limits.envelopesOfAccount_max) throw tooMany(429);
      if (seen.size >= limits.envelopes_max) throw tooMany(503);
      seen.set(nonce, { accountId, until_ms: clock.now_ms() + REMEMBERED_ms });
      ofAccount.set(accountId, count + 1);
    },
  };
}

function replayed(message: string): ApiError {
  return new ApiError({ status: 400, code: "replayed_request", message });
}

function tooMany(status: 429 | 503): ApiError {
  const code = status === 429 ? "rate_limit_exceeded" : "service_unavailable";
  const message = "too many sealed requests within ten minutes — retry later";
  return new ApiError({ status, code, message, retryAfter_s: RETRY_AFTER_s });
}
