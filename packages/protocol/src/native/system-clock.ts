import type { Clock, TimerMode } from "../clock.js";

/** Node fires a longer timer at once instead of late, so longer waits are armed in steps. */
const timerStep_ms_max = 2 ** 31 - 1;

/** The machine's own clock. `background` timers do not keep the process alive. */
export const systemClock: Clock = {
  now_ms: () => performance.now(),
  date: () => new Date(),
  setTimer(delay_ms: number, fire: () => void, mode: TimerMode = "foreground"): () => void {
    let left_ms = Math.max(0, delay_ms);
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const step_ms = Math.min(left_ms, timerStep_ms_max);
      left_ms -= step_ms;
      handle = setTimeout(left_ms > 0 ? arm : fire, step_ms);
      if (mode === "background") handle.unref();
    };
    arm();
    return () => clearTimeout(handle);
  },
};
