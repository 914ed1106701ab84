import { type ChatEvent, isContent } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import { createDeadline } from "./deadline.js";
import { type AttemptFailure, ConsumerLeft } from "./failure.js";
import type { AttemptSignal, OpenedAttempt } from "./opened-attempt.js";

/** How long an attempt may take until its first content. Durations; the attempt begins when `now` is. */
export interface FirstContentLimits {
  readonly firstContent_ms: number;
  /** From the attempt's start, for a machine that says it is loading the model. */
  readonly loading_ms: number;
}

export type FirstContent =
  | { readonly outcome: "content"; readonly batch: readonly ChatEvent[] }
  /** `loading_ms` is how much of the time the machine said it was loading the model. */
  | { readonly outcome: "failed"; readonly failure: AttemptFailure; readonly loading_ms: number };

/** Events without content that one attempt may send before its first content; a further one is a violation of good manners. */
const PREAMBLE_EVENTS_max = 8;

/**
 * Waits for an attempt's first content, sending included. That the provider accepted the request does not move the deadline; only
 * `loading` does, and the time that loading took is given back when it ends. Source: routing.md §9.
 *
 * @throws ConsumerLeft
 */
export async function firstContent(
  opened: OpenedAttempt,
  send: () => Promise<void>,
  limits: FirstContentLimits,
  clock: Clock,
  gone: AbortSignal,
): Promise<FirstContent> {
  const start_ms = clock.now_ms();
  const deadline = createDeadline(clock, start_ms + limits.firstContent_ms, gone);
  const preamble: ChatEvent[] = [];
  let loadingSince_ms: number | undefined;
  let loaded_ms = 0;

  function failed(failure: AttemptFailure): FirstContent {
    const loading_ms = loaded_ms + (loadingSince_ms === undefined ? 0 : clock.now_ms() - loadingSince_ms);
    return { outcome: "failed", failure, loading_ms };
  }

  function onPhase(phase: Extract<AttemptSignal, { type: "phase" }>["phase"]): void {
    const now_ms = clock.now_ms();
    if (phase === "loading" && loadingSince_ms === undefined) {
      loadingSince_ms = now_ms;
      deadline.moveTo(Math.max(start_ms + limits.firstContent_ms, start_ms + limits.loading_ms));
    } else if (phase === "prefilling" && loadingSince_ms !== undefined) {
      loaded_ms += now_ms - loadingSince_ms;
      loadingSince_ms = undefined;
      deadline.moveTo(start_ms + limits.firstContent_ms + loaded_ms);
    }
  }

  try {
    const sent = await untilAborted(send(), deadline.signal);
    if (!sent) return failed({ failure: "send_failed" });
    for (;;) {
      const signal = await opened.next(deadline.signal);
      if (signal.type === "phase") onPhase(signal.phase);
      else if (signal.type === "events") {
        preamble.push(...signal.events);
        if (signal.events.some(isContent)) {
          opened.attempt.reportContent();
          return { outcome: "content", batch: preamble };
        }
        if (preamble.length > PREAMBLE_EVENTS_max) return failed({ failure: "protocol_violation" });
      } else if (signal.type === "complete") {
        opened.putBack(signal);
        return { outcome: "content", batch: preamble };
      } else return signal.type === "failed" ? failed(signal.failure) : failed({ failure: "protocol_violation" });
    }
  } catch (error) {
    if (!deadline.signal.aborted) throw error;
    if (!deadline.passed) throw new ConsumerLeft("the consumer left before the first content");
    opened.attempt.reportTimeout();
    return failed({ failure: "timeout" });
  } finally {
    deadline.clear();
  }
}

/** Whether the work was done; false when it failed. Rejects when the signal aborts first, and then nobody minds how the work ends. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
  const done = work.then(
    () => true,
    () => false,
  );
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([done, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  }
}
