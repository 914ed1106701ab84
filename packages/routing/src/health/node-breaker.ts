/** How one request on a machine ended, as far as it tells something of the machine. */
export type NodeBreakerEvent =
  /** A request was placed on the machine. While half-open it is the one probe. */
  | "reserved"
  /** The machine failed it: `retryPolicy(failure).breaker` is `node`. */
  | "fault"
  | "success"
  /** It ended without saying anything of the machine: cancelled, refused for capacity, the client's fault. */
  | "neutral";

/**
 * What is remembered of one machine, frozen. Keep it by machine id, not by session, so that a reconnect does not launder it. Closed while
 * `openUntil_ms` is 0; open until that instant; half-open after it.
 */
export interface NodeBreaker {
  readonly faultsInARow: number;
  /** Times it opened since it last closed: the back-off's exponent. */
  readonly trips: number;
  readonly openUntil_ms: number;
  /** While half-open: until when the one probe holds the door; 0 is no probe under way. */
  readonly probeUntil_ms: number;
  readonly touchedAt_ms: number;
}

/**
 * Operational values of routing.md §11.3. Its second rule, more than 80 % faults among the last 20 outcomes, is absent because it never
 * decides: 17 faults parted by 3 successes hold a run of 5, which opens the breaker before.
 */
export const NODE_BREAKER_LIMITS = {
  faultsInARow_max: 5,
  cooldown_ms: 60_000,
  cooldown_ms_max: 300_000,
  /** A probe that hangs does not keep the door shut for longer. */
  probe_ms_max: 60_000,
  /** A machine unheard of for this long starts afresh. */
  forget_ms: 24 * 3_600_000,
} as const;

export const CLOSED_NODE_BREAKER: NodeBreaker = Object.freeze({
  faultsInARow: 0,
  trips: 0,
  openUntil_ms: 0,
  probeUntil_ms: 0,
  touchedAt_ms: 0,
});

/**
 * The next state of a machine's breaker.
 *
 * @param now_ms monotonic instant of the event
 */
export function nodeBreaker(state: NodeBreaker, event: NodeBreakerEvent, now_ms: number): NodeBreaker {
  const before = now_ms - state.touchedAt_ms > NODE_BREAKER_LIMITS.forget_ms ? CLOSED_NODE_BREAKER : state;
  switch (event) {
    case "success":
      return CLOSED_NODE_BREAKER;
    case "fault":
      return afterFault(before, now_ms);
    case "reserved":
      if (nodeBreakerPhase(before, now_ms) !== "half_open" || before.probeUntil_ms > now_ms) return before;
      return changed(before, { probeUntil_ms: now_ms + NODE_BREAKER_LIMITS.probe_ms_max, touchedAt_ms: now_ms });
    case "neutral":
      return before.probeUntil_ms === 0 ? before : changed(before, { probeUntil_ms: 0 });
  }
}

export function nodeBreakerPhase(state: NodeBreaker, now_ms: number): "closed" | "open" | "half_open" {
  if (state.openUntil_ms === 0) return "closed";
  return state.openUntil_ms > now_ms ? "open" : "half_open";
}

/** The instant until which the `breaker_open` gate refuses the machine: cooldown, or a probe under way. */
export function nodeBreakerRefusesUntil_ms(state: NodeBreaker): number {
  return Math.max(state.openUntil_ms, state.probeUntil_ms);
}

function afterFault(before: NodeBreaker, now_ms: number): NodeBreaker {
  const after = changed(before, { faultsInARow: before.faultsInARow + 1, touchedAt_ms: now_ms });
  switch (nodeBreakerPhase(before, now_ms)) {
    // Faults of requests that were already under way do not prolong the cooldown.
    case "open":
      return after;
    case "half_open":
      return opened(after, now_ms);
    case "closed":
      return after.faultsInARow >= NODE_BREAKER_LIMITS.faultsInARow_max ? opened(after, now_ms) : after;
  }
}

function opened(state: NodeBreaker, now_ms: number): NodeBreaker {
  const cooldown_ms = Math.min(NODE_BREAKER_LIMITS.cooldown_ms * 2 ** state.trips, NODE_BREAKER_LIMITS.cooldown_ms_max);
  return changed(state, { trips: state.trips + 1, openUntil_ms: now_ms + cooldown_ms, probeUntil_ms: 0 });
}

function changed(state: NodeBreaker, change: Partial<NodeBreaker>): NodeBreaker {
  return Object.freeze({ ...state, ...change });
}
