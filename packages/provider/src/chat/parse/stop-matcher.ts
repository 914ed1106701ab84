import { heldTail } from "./held-tail.js";

/** Looks for stop strings in a text that arrives in pieces. */
export interface StopMatcher {
  /** Whether a stop string has been found; nothing comes out any more. */
  readonly matched: boolean;
  /** The text that is certainly before any stop string; the string itself is never returned. */
  push(text: string): string;
  /** What was held back, once no more text can complete a stop string. */
  flush(): string;
}

/** The string that is complete first wins. Nothing more is held back than could still become one. */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  let held = "";
  let matched = false;

  return {
    get matched() {
      return matched;
    },
    push(text) {
      if (matched) return "";
      held += text;
      const at = firstMatch(held, stops);
      matched = at !== undefined;
      const end = at ?? held.length - stops.reduce((longest, stop) => Math.max(longest, heldTail(held, stop)), 0);
      const free = held.slice(0, end);
      held = matched ? "" : held.slice(end);
      return free;
    },
    flush() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

/** Where the string begins that ends first; of several that end together the longest. */
function firstMatch(text: string, stops: readonly string[]): number | undefined {
  let best: { readonly start: number; readonly end: number } | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    if (start < 0) continue;
    const end = start + stop.length;
    if (best === undefined || end < best.end || (end === best.end && start < best.start)) best = { start, end };
  }
  return best?.start;
}
