/** Whether a pending timer keeps the process alive (`foreground`, the default) or lets it end (`background`). */
export type TimerMode = "foreground" | "background";

/** Time as the rest of Umbel sees it: injected, so that tests and simulations own it. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start; for durations and deadlines. */
  now_ms(): number;
  /** Wall-clock time; for what is stored or shown. */
  date(): Date;
  /**
   * Calls `fire` once after `delay_ms`. Returns a function that cancels it; cancelling late or twice does nothing.
   * The caller owns the timer and must cancel it when its reason is gone.
   */
  setTimer(delay_ms: number, fire: () => void, mode?: TimerMode): () => void;
}
