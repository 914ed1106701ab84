import type { Clock } from "@umbel/protocol";

/** One wait's end, as a signal: aborted when the time comes, or when the consumer leaves. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** True when the time came; false when the signal was aborted for the consumer, or not at all. */
  readonly passed: boolean;
  /** Sets a new end. Later is only an assignment, so that every chunk can afford it. */
  moveTo(at_ms: number): void;
  /** Gives the timer and the listener back. */
  clear(): void;
}

/**
 * @param at_ms monotonic time of the end
 * @param gone ends the wait at once; undefined for a wait that nobody can cut short
 */
export function createDeadline(clock: Clock, at_ms: number, gone?: AbortSignal): Deadline {
  const controller = new AbortController();
  let end_ms = at_ms;
  let passed = false;
  let armed = arm();

  function arm(): { readonly due_ms: number; readonly cancel: () => void } {
    return { due_ms: end_ms, cancel: clock.setTimer(end_ms - clock.now_ms(), onTimer) };
  }
  function onTimer(): void {
    if (clock.now_ms() < end_ms) {
      armed = arm();
      return;
    }
    passed = true;
    controller.abort(new Error("the deadline passed"));
  }
  function onGone(): void {
    controller.abort(gone?.reason);
  }
  if (gone?.aborted === true) onGone();
  gone?.addEventListener("abort", onGone);

  return {
    signal: controller.signal,
    get passed() {
      return passed;
    },
    moveTo(later_ms) {
      end_ms = later_ms;
      if (end_ms >= armed.due_ms) return;
      armed.cancel();
      armed = arm();
    },
    clear() {
      armed.cancel();
      gone?.removeEventListener("abort", onGone);
    },
  };
}
