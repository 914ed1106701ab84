import type { Clock } from "@umbel/protocol";
import { SESSION_LIMITS } from "./limits.js";

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** As the coordinator asked; kept within bounds. */
  readonly interval_ms: number;
  /** Sends one. A failure is reported and the next one comes all the same. */
  readonly beat: () => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** Sends the first heartbeat at once, so that a machine has a capacity as soon as it is known, and the next ones an interval apart. */
export function startHeartbeats(options: HeartbeatOptions): { stop(): void } {
  const interval_ms = Math.min(SESSION_LIMITS.heartbeat_ms_max, Math.max(SESSION_LIMITS.heartbeat_ms_min, options.interval_ms));
  let isStopped = false;
  let cancel: () => void = () => undefined;

  function beat(): void {
    options
      .beat()
      .catch(options.onFailure)
      .finally(() => {
        if (!isStopped) cancel = options.clock.setTimer(interval_ms, beat, "background");
      });
  }
  beat();

  return {
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
