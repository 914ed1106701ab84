import type { RequestSpec } from "../types.js";

/** What requests are told apart by, where a machine may fail one kind and serve the other. */
export type RequestShape = "base" | "tools";

export function shapeOf({ needsTools }: Pick<RequestSpec, "needsTools">): RequestShape {
  return needsTools ? "tools" : "base";
}

/** Names a build and a shape of request in a machine's cooldowns. */
export function cooldownKey(spec: Pick<RequestSpec, "build" | "needsTools">): string {
  return `${shapeOf(spec)} ${spec.build}`;
}

/** How one machine fails one kind of request for one build (routing.md §11.2). Frozen. */
export interface ErrorCooldown {
  /** Instants of recent faults, the last few. */
  readonly strikes_ms: readonly number[];
  /** Monotonic instant until which such requests go elsewhere; 0 is not at all. */
  readonly until_ms: number;
}

export const ERROR_COOLDOWN_LIMITS = { strikes: 2, window_ms: 60_000, cooldown_ms: 300_000 } as const;

export const NO_ERROR_COOLDOWN: ErrorCooldown = Object.freeze({ strikes_ms: [], until_ms: 0 });

/**
 * The next state after a fault: the second within a minute begins a rest, every further one prolongs it. What one stall takes down together is one
 * fault: a further one is that of an attempt that began when the last had been seen.
 *
 * @param began_ms monotonic instant at which the attempt began
 */
export function afterErrorFault(before: ErrorCooldown, began_ms: number, now_ms: number): ErrorCooldown {
  const { strikes_ms, until_ms } = before;
  const { strikes, window_ms, cooldown_ms } = ERROR_COOLDOWN_LIMITS;
  if (began_ms < (strikes_ms.at(-1) ?? Number.NEGATIVE_INFINITY)) return before;
  const recent = [...strikes_ms.filter((strike_ms) => now_ms - strike_ms <= window_ms), now_ms].slice(-strikes);
  const isResting = until_ms > now_ms || recent.length >= strikes;
  return Object.freeze({ strikes_ms: recent, until_ms: isResting ? now_ms + cooldown_ms : 0 });
}
