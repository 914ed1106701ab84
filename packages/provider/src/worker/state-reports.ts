import type { Clock } from "@umbel/protocol";
import { WORKER_LIMITS } from "./limits.js";

/** Tells the agent how the worker is: every second, and soon after a change without flooding it. */
export interface StateReports {
  /** Something changed that the agent should know soon. */
  changed(): void;
  stop(): void;
}

export function startStateReports(clock: Clock, report: () => void): StateReports {
  let isChangeDue = false;
  let cancel: () => void = () => undefined;

  function send(): void {
    isChangeDue = false;
    report();
    cancel = clock.setTimer(WORKER_LIMITS.state_ms, send);
  }
  send();

  return {
    changed() {
      if (isChangeDue) return;
      isChangeDue = true;
      cancel();
      cancel = clock.setTimer(WORKER_LIMITS.stateAfterChange_ms, send);
    },
    stop: () => cancel(),
  };
}
