import { createHash } from "node:crypto";
import { ApiError } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { Settings } from "../../config/index.js";
import { createBucketTable } from "../../inference/index.js";

/** How often anybody may try a password, a code or a link, or have one sent. */
export interface Attempts {
  /** Counts one, against an address and against whom it is meant for. @throws ApiError 429, counting nothing */
  take(attempt: { readonly address: string; readonly identifier?: string | undefined }): void;
}

/** Source of the limits: console.md §2.2. */
export function createAttempts(clock: Clock, settings: Pick<Settings, "signInRate_perMinute" | "signInRate_perHour">): Attempts {
  const { signInRate_perMinute: perMinute, signInRate_perHour: perHour } = settings;
  const windows = [
    { table: createBucketTable(clock), rate: { perSecond: perMinute / 60, burst: perMinute } },
    { table: createBucketTable(clock), rate: { perSecond: perHour / 3_600, burst: perHour } },
  ];
  return {
    take({ address, identifier }) {
      const who = [`address ${address}`, ...(identifier === undefined ? [] : [`identifier ${digest(identifier)}`])];
      const buckets = windows.flatMap(({ table, rate }) => who.flatMap((one) => table.of(one, rate) ?? []));
      const wait_ms = Math.max(0, ...buckets.map((bucket) => (bucket.holds(1) ? 0 : bucket.wait_ms(1))));
      if (wait_ms > 0) {
        const message = "too many attempts — wait before the next";
        throw new ApiError({ status: 429, code: "rate_limit_exceeded", message, retryAfter_s: Math.max(1, Math.ceil(wait_ms / 1_000)) });
      }
      for (const bucket of buckets) bucket.take(1);
    },
  };
}

/** Of equal length, however long a made-up address is. */
function digest(identifier: string): string {
  return createHash("sha256").update(identifier.trim().toLowerCase()).digest("base64url");
}
