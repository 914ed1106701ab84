import type { Clock } from "@umbel/protocol";
import type { Logger } from "../insight/index.js";
import { startLoop } from "./loop.js";

/** What a part does again and again by itself, until it is stopped. */
export interface Loops {
  /**
   * Runs a task every so often, never two at once. One that fails is told in those words, and done the next time.
   *
   * @param level how bad that is; default: `warn`
   */
  every(interval_ms: number, task: () => Promise<unknown>, unlessDone: string, level?: "warn" | "error"): void;
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

export function createLoops(clock: Clock, log: Pick<Logger, "warn" | "error">): Loops {
  const stops: (() => Promise<void>)[] = [];
  return {
    every(interval_ms, task, unlessDone, level = "warn") {
      const failed = (error: unknown): void => log[level]({ err: error }, unlessDone);
      stops.push(startLoop(clock, interval_ms, async () => void (await task()), failed));
    },
    stop: async () => void (await Promise.all(stops.map((stop) => stop()))),
  };
}
