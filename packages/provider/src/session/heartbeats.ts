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

export interface Heartbeats {
  /** Sends one now; the next comes an interval later. One that is under way is followed by another, since it may tell old news. */
  beatNow(): void;
  stop(): void;
}

/** Sends the first heartbeat at once, so that a machine has a capacity as soon as it is known, and the next ones an interval apart. */
export function startHeartbeats(options: HeartbeatOptions): Heartbeats {
  const interval_ms = Math.min(SESSION_LIMITS.heartbeat_ms_max, Math.max(SESSION_LIMITS.heartbeat_ms_min, options.interval_ms));
  let isStopped = false;
  let isUnderWay = false;
  let isAnotherDue = false;
  let cancel: () => void = () => undefined;

  function beat(): void {
    isUnderWay = true;
    isAnotherDue = false;
    options
      .beat()
      .catch(options.onFailure)
      .finally(() => {
        isUnderWay = false;
        if (isStopped) return;
        if (isAnotherDue) beat();
        else cancel = options.clock.setTimer(interval_ms, beat, "background");
      });
  }
  beat();

  return {
    beatNow() {
      if (isUnderWay) {
        isAnotherDue = true;
      } else if (!isStopped) {
        cancel();
        beat();
      }
    },
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
