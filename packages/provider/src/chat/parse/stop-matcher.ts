import { heldTail } from "./held-tail.js";

/** Looks for stop strings in a text that arrives in pieces. */
export interface StopMatcher {
  /** Whether a stop string has been found; nothing comes out any more. */
  readonly matched: boolean;
  /** The string that was found. */
  readonly found: string | undefined;
  /** The text that is certainly before any stop string; the string itself is never returned. */
  push(text: string): string;
  /** What was held back, once no more text can complete a stop string. */
  flush(): string;
}

/** The string that is complete first wins. Nothing more is held back than could still become one. */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  let held = "";
  let found: string | undefined;

  return {
    get matched() {
      return found !== undefined;
    },
    get found() {
      return found;
    },
    push(text) {
      if (found !== undefined) return "";
      held += text;
      const match = firstMatch(held, stops);
      found = match?.stop;
      const end = match?.start ?? held.length - stops.reduce((longest, stop) => Math.max(longest, heldTail(held, stop)), 0);
      const free = held.slice(0, end);
      held = match === undefined ? held.slice(end) : "";
      return free;
    },
    flush() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

interface Match {
  readonly stop: string;
  readonly start: number;
  readonly end: number;
}

/** The string that ends first; of several that end together the longest. */
function firstMatch(text: string, stops: readonly string[]): Match | undefined {
  let best: Match | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    if (start < 0) continue;
    const end = start + stop.length;
    if (best === undefined || end < best.end || (end === best.end && start < best.start)) best = { stop, start, end };
  }
  return best;
}
