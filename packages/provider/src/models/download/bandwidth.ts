import type { Clock } from "@umbel/protocol";
import { wait } from "./wait.js";

/** Shares so many bytes a second among everybody who asks. */
export interface Bandwidth {
  /** Resolves when so many bytes may have come. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
}

export const unlimitedBandwidth: Bandwidth = { take: () => Promise.resolve() };

/** @param rate_bytes_per_s greater than zero */
export function createBandwidth(rate_bytes_per_s: number, clock: Clock): Bandwidth {
  let free_ms = clock.now_ms();
  return {
    async take(bytes, signal) {
      const now_ms = clock.now_ms();
      free_ms = Math.max(now_ms, free_ms) + (bytes / rate_bytes_per_s) * 1000;
      if (free_ms > now_ms) await wait(clock, free_ms - now_ms, signal);
    },
  };
}
