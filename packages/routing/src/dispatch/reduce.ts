import { type FailureClass, retryPolicy } from "../retry-policy.js";
import { reduceAnswer } from "./answer.js";
import { progressed, racerAt } from "./racer.js";
import {
  callersEnd_ms,
  enqueuing,
  mayBegin,
  mayRetry,
  newSearch,
  reserving,
  sentAway,
  unanswered,
  withFailure,
  withTryLost,
} from "./search.js";
import { type DispatchState, DONE, type Racer, type Search, type Step } from "./state.js";
import type { DispatchEffect, DispatchEvent, DispatchInput, Place, RefusalCause } from "./types.js";

/** Events without content that one machine may send before its first content; more is a violation of good manners (routing.md §9). */
export const PREAMBLE_EVENTS_MAX = 8;

const NEVER_MS = Number.POSITIVE_INFINITY;

type Racing = Extract<DispatchState, { stage: "racing" }>;
type Selecting = Extract<DispatchState, { stage: "selecting" }>;

/** The first step of a request. */
export function startDispatch(input: DispatchInput): Step {
  const search = newSearch(input);
  return { state: { stage: "selecting", search, racers: [], isHedge: false }, effects: [reserving(search, "first", [])] };
}

/**
 * The life of one request after its money is held, as a pure function: one or two machines race for the first content, and from it on one
 * machine answers. Failures before the consumer has seen any of the answer are invisible. Every request ends in exactly one of `refuse`, `abandon` and `settle`; every reserved
 * place is released once; after the end no event has an effect. Source: routing.md §9.
 *
 * @param now_ms monotonic instant of the event
 */
export function reduceDispatch(state: DispatchState, event: DispatchEvent, now_ms: number): Step {
  if (event.type === "queue_assigned" && state.stage !== "queued") return { state, effects: [{ type: "return_place" }] };
  switch (state.stage) {
    case "selecting":
      return reduceSelecting(state, event, now_ms);
    case "queued":
      return reduceQueued(state, event, now_ms);
    case "racing":
      return reduceRacing(state, event, now_ms);
    case "answering":
    case "parking":
    case "draining":
      return reduceAnswer(state, event, now_ms);
    case "done":
      return { state, effects: [] };
  }
}

/** Nothing else can happen while a place is sought: selection and reservation are one step. */
function reduceSelecting(state: Selecting, event: DispatchEvent, now_ms: number): Step {
  const { search, racers, isHedge } = state;
  if (event.type === "reserved") return begin(search, racers, event.place, isHedge, now_ms);
  if (event.type !== "none_available") return { state, effects: [] };
  // The number stands for what was decided, also where nobody was found.
  if (isHedge)
    return { state: { stage: "racing", search: { ...search, number: search.number + 1 }, racers, hedgeAt_ms: NEVER_MS }, effects: [] };
  if (event.waitable) return { state: { stage: "queued", search }, effects: [enqueuing(search)] };
  return refused(unanswered(search, event.isTooSlow === true ? { type: "too_slow" } : { type: "nobody" }));
}

function reduceQueued(state: Extract<DispatchState, { stage: "queued" }>, event: DispatchEvent, now_ms: number): Step {
  switch (event.type) {
    case "queue_assigned":
      // A line looks at its clock now and then, a place may come in between.
      if (!mayBegin(state.search, now_ms)) return ended([{ type: "return_place" }], state.search, now_ms);
      return begin(state.search, [], event.place, false, now_ms);
    case "queue_refused":
      return refused(unanswered(state.search, { type: "queue", reason: event.reason }));
    case "client_gone":
      return { state: DONE, effects: [{ type: "leave_queue" }, { type: "abandon" }] };
    case "fault": {
      const { effects } = refused({ type: "fault" });
      return { state: DONE, effects: [{ type: "leave_queue" }, ...effects] };
    }
    default:
      return { state, effects: [] };
  }
}

/** A place has been reserved: the request is sent there. */
function begin(before: Search, racers: readonly Racer[], place: Place, isHedge: boolean, now_ms: number): Step {
  const isFirst = before.number === 0;
  const search = isFirst ? { ...before, budgetEnd_ms: now_ms + before.input.limits.contentBudget_ms } : before;
  const racer = racerAt(place, search, now_ms);
  const { hedgeDelay_ms } = search.input;
  // Asking a second machine before the first is expected to answer would only double the work.
  const delay_ms = isHedge || !place.mayHedge ? undefined : hedgeDelay_ms;
  const hedgeAt_ms = delay_ms === undefined ? NEVER_MS : now_ms + Math.max(delay_ms, place.ttft_ms ?? 0);
  return {
    state: { stage: "racing", search: { ...search, number: search.number + 1 }, racers: [...racers, racer], hedgeAt_ms },
    effects: [{ type: "send", racer: racer.number, deadline_ms: racer.allowed_ms }],
  };
}

function reduceRacing(state: Racing, event: DispatchEvent, now_ms: number): Step {
  switch (event.type) {
    case "tick":
      return ticked(state, now_ms);
    case "client_gone":
      return { state: DONE, effects: [...state.racers.flatMap(sentAway), { type: "abandon" }] };
    case "fault":
      return { state: DONE, effects: [...state.racers.flatMap(sentAway), ...refused({ type: "fault" }).effects] };
    case "accepted":
    case "preamble":
    case "content":
    case "complete":
    case "failed":
    case "overflow": {
      const racer = state.racers.find(({ number }) => number === event.racer);
      return racer === undefined ? { state, effects: [] } : said(state, racer, event, now_ms);
    }
    default:
      return { state, effects: [] };
  }
}

/** One of the racers has said something. Only content wins a race; a clean end is an answer too. */
function said(state: Racing, racer: Racer, event: Extract<DispatchEvent, { racer: number }>, now_ms: number): Step {
  const { input } = state.search;
  switch (event.type) {
    case "accepted":
      return { state: replaced(state, progressed(racer, event, input.limits, now_ms)), effects: [] };
    case "preamble": {
      const next = { ...racer, preambleEvents: racer.preambleEvents + event.events };
      if (next.preambleEvents > PREAMBLE_EVENTS_MAX) return failed(state, racer, "protocol_violation", now_ms);
      return { state: replaced(state, next), effects: [] };
    }
    case "failed":
      return failed(state, racer, event.failure, now_ms);
    case "overflow":
      return failed(state, racer, "protocol_violation", now_ms);
    case "content":
    case "complete":
      return won(state, racer, event, now_ms);
  }
}

/** The others are sent away first, and only now: until there is a winner, none may be given up. */
function won(state: Racing, racer: Racer, event: Extract<DispatchEvent, { racer: number }>, now_ms: number): Step {
  const { search } = state;
  const losers = state.racers.filter((other) => other !== racer).flatMap(sentAway);
  const commit: DispatchEffect = { type: "commit", racer: racer.number };
  const answering = { stage: "answering", search, racer, idleEnd_ms: now_ms + search.input.limits.idle_ms } as const;
  if (event.type === "content") return { state: answering, effects: [...losers, commit] };
  const { state: next, effects } = reduceAnswer(answering, event, now_ms);
  return { state: next, effects: [...losers, commit, ...effects] };
}

function ticked(state: Racing, now_ms: number): Step {
  const callers_ms = callersEnd_ms(state.search.input);
  const late = state.racers.find(({ deadline_ms }) => deadline_ms <= Math.min(now_ms, callers_ms));
  if (late !== undefined) {
    const { state: next, effects } = failed(state, late, "timeout", now_ms);
    return { state: next, effects: [{ type: "blame_timeout", racer: late.number }, ...effects] };
  }
  // Whoever is trying still has its time: it is the consumer that would not wait, and nobody is blamed.
  if (callers_ms <= now_ms) return { state: DONE, effects: [...state.racers.flatMap(sentAway), ...refused({ type: "deadline" }).effects] };
  if (state.hedgeAt_ms > now_ms) return { state, effects: [] };
  const { search, racers } = state;
  if (!mayBegin(search, now_ms)) return { state: { ...state, hedgeAt_ms: NEVER_MS }, effects: [] };
  return { state: { stage: "selecting", search, racers, isHedge: true }, effects: [reserving(search, "hedge", racers)] };
}

/**
 * A racer has failed. While another runs, it goes on; else the next machine is sought, within the budgets. Two machines of one race that are both
 * late have lost one try, not two: a request of which a second machine was asked is not to be given up sooner than any other.
 */
function failed(state: Racing, racer: Racer, failure: FailureClass, now_ms: number): Step {
  const racers = state.racers.filter((other) => other !== racer);
  const met = withFailure(state.search, racer, failure, now_ms);
  const search = failure === "timeout" && racers.length > 0 ? met : withTryLost(met, failure);
  const effects = sentAway(racer);
  // What lies in the request itself, others would say too: nobody is asked any further.
  const isFinal = !retryPolicy(failure).retryElsewhere;
  if (isFinal) return ended([...effects, ...racers.flatMap(sentAway)], search, now_ms);
  if (racers.length > 0) {
    return { state: { stage: "racing", search, racers, hedgeAt_ms: NEVER_MS }, effects };
  }
  if (!mayRetry(search, now_ms)) return ended(effects, search, now_ms);
  return { state: { stage: "selecting", search, racers: [], isHedge: false }, effects: [...effects, reserving(search, "retry", [])] };
}

function ended(effects: readonly DispatchEffect[], search: Search, now_ms: number): Step {
  const otherwise: RefusalCause = callersEnd_ms(search.input) <= now_ms ? { type: "deadline" } : { type: "nobody" };
  return { state: DONE, effects: [...effects, ...refused(unanswered(search, otherwise)).effects] };
}

function refused(cause: RefusalCause): Step {
  return { state: DONE, effects: [{ type: "refuse", cause }] };
}

function replaced(state: Racing, next: Racer): Racing {
  return { ...state, racers: state.racers.map((racer) => (racer.number === next.number ? next : racer)) };
}
