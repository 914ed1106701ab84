import type { Clock } from "@umbel/protocol";

/** One timer whose end may be moved at any time. */
export interface Alarm {
  /** Sets the instant, monotonic; infinite is none. Later is only an assignment, so that every chunk can afford it. */
  moveTo(at_ms: number): void;
}

/** @param fire called when the instant has come; it may move the alarm again */
export function createAlarm(clock: Clock, fire: () => void): Alarm {
  let due_ms = Number.POSITIVE_INFINITY;
  let armed: { readonly at_ms: number; readonly cancel: () => void } | undefined;

  function arm(): void {
    armed = { at_ms: due_ms, cancel: clock.setTimer(due_ms - clock.now_ms(), onTimer) };
  }

  function onTimer(): void {
    armed = undefined;
    if (clock.now_ms() < due_ms) arm();
    else fire();
  }

  return {
    moveTo(at_ms) {
      due_ms = at_ms;
      if (armed !== undefined && armed.at_ms <= at_ms && at_ms !== Number.POSITIVE_INFINITY) return;
      armed?.cancel();
      armed = undefined;
      if (at_ms !== Number.POSITIVE_INFINITY) arm();
    },
  };
}
