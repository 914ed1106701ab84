import { ApiError } from "@umbel/dialects";
import type { Attempts, CountedAttempt } from "../../accounts/index.js";
import type { Settings } from "../../config/index.js";
import { addressGroup } from "../../fleet/index.js";
import { asked } from "../asked.js";

/** How often anybody may try a password, a code or a link, or have one sent. */
export interface SignInAttempts {
  /** Counts one, against an address and against whom it is meant for. @throws ApiError 429, counting nothing; 503 */
  take(attempt: { readonly address: string; readonly identifier?: string | undefined }): Promise<void>;
}

/** Source of the limits: console.md §2.2. */
export function signInAttempts(
  attempts: Pick<Attempts, "take">,
  settings: Pick<Settings, "signInRate_perMinute" | "signInRate_perHour">,
): SignInAttempts {
  const { signInRate_perMinute: perMinute, signInRate_perHour: perHour } = settings;
  const limits = [
    { name: "sign-in minute", perSecond: perMinute / 60, burst: perMinute },
    { name: "sign-in hour", perSecond: perHour / 3_600, burst: perHour },
  ];
  return {
    async take({ address, identifier }) {
      const who = [byAddress(address), ...(identifier === undefined ? [] : [`identifier ${identifier.trim().toLowerCase()}`])];
      await takeAll(
        attempts,
        limits.flatMap((limit) => who.map((one) => ({ limit, who: one }))),
        "too many attempts — wait before the next",
      );
    },
  };
}

/** Against whom an address counts. */
export function byAddress(address: string): string {
  return `address ${addressGroup(address)}`;
}

/** @throws ApiError 429, counting nothing; 503 */
export async function takeAll(attempts: Pick<Attempts, "take">, counted: readonly CountedAttempt[], message: string): Promise<void> {
  const wait_ms = await asked(attempts.take(counted));
  if (wait_ms === undefined) return;
  const retryAfter_s = Math.max(1, Math.ceil(wait_ms / 1_000));
  throw new ApiError({ status: 429, code: "rate_limit_exceeded", tier: "attempts", message, retryAfter_s });
}
