import { ApiError, type ChatEvent } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { Settings } from "../../config/index.js";
import type { Metrics } from "../../insight/index.js";
import type { Settlement, SettleOutcome } from "../../ledger/index.js";
import { createDeadline } from "../dispatch/deadline.js";
import type { Dispatched } from "../dispatch/dispatch.js";
import { ConsumerLeft } from "../dispatch/failure.js";
import type { AttemptSignal } from "../dispatch/opened-attempt.js";
import type { Hold } from "../settle/hold.js";
import type { Answer } from "../types.js";
import { within } from "../within.js";
import { chatUsageOf, createDeliveredCount } from "./delivered.js";

/** How long an answer's end waits for its settlement. Source: money.md §10. */
export const SETTLEMENT_WAIT_ms = 2_000;
/** How long a cancel waits for the hold to be parked. */
const PARK_WAIT_ms = 1_000;

export interface AnswerParts {
  readonly dispatched: Dispatched;
  readonly hold: Hold;
  /** The consumer's signal: what follows the answer's start is settled, not released. */
  readonly gone: AbortSignal;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly settings: Pick<Settings, "idleTimeout_ms" | "settleGrace_ms">;
  readonly timing: Readonly<Record<string, number>>;
  readonly limitHeaders: Readonly<Record<string, string>>;
}

type Complete = Extract<AttemptSignal, { type: "complete" }>;
type Finish = Extract<ChatEvent, { type: "finish" }>;
type Usage = Settlement["usage"];

/**
 * Relays an answer that has begun, and sees to its end: completion, a provider that breaks off, a consumer that leaves, silence. On each way
 * the attempt is released once and the hold settled once.
 *
 * `finish` is held back until the provider has accounted for the answer, so that the usage shown is the usage settled.
 */
export function createAnswer(parts: AnswerParts): Answer {
  const { dispatched, hold, gone, clock, metrics, settings } = parts;
  const { opened } = dispatched;
  const { attempt } = opened;
  const { sessionId, machineId, accountId } = attempt.provider;
  const servedBy = { sessionId, machineId, accountId };

  const delivered = createDeliveredCount();
  const idle = createDeadline(clock, clock.now_ms() + settings.idleTimeout_ms, gone);
  let tellSettled: (outcome: Promise<SettleOutcome>) => void;
  const settled = new Promise<SettleOutcome>((resolve) => {
    tellSettled = resolve;
  });
  let first: readonly ChatEvent[] | undefined = dispatched.batch;
  let finish: Finish | undefined;
  let receipt: string | undefined;
  let state: "running" | "over" | "left" = "running";
  let reading = false;

  /** The one way out of `running`; whoever gets true ends the answer. */
  function takeEnd(as: "over" | "left" = "over"): boolean {
    if (state !== "running") return false;
    state = as;
    idle.clear();
    gone.removeEventListener("abort", onGone);
    return true;
  }

  function settle(usage: Usage, reason: Settlement["reason"]): void {
    attempt.release();
    const posted = hold.settle({ usage, servedBy, reason });
    tellSettled(
      within(posted, SETTLEMENT_WAIT_ms, clock).then((outcome) => {
        if (outcome !== undefined && outcome.state !== "pending") return outcome;
        metrics.count("billing_pending_total", {});
        return { state: "pending" };
      }),
    );
  }

  function complete({ message, receiptValid }: Complete): IteratorResult<readonly ChatEvent[]> {
    if (!takeEnd()) return DONE;
    // An account that the provider did not sign for this answer is not believed; what was relayed is.
    const usage = receiptValid ? message.usage : delivered.usage();
    if (receiptValid) receipt = message.receipt;
    settle(usage, "complete");
    return { done: false, value: [{ type: "finish", reason: message.finish_reason, ...finish, usage: chatUsageOf(usage) }] };
  }

  function breakOff(reason: Settlement["reason"], error: ApiError): never {
    if (takeEnd()) settle(delivered.usage(), reason);
    throw error;
  }

  function onGone(): void {
    // A pending read is aborted by the same signal and leaves by itself: an attempt has one reader.
    if (!reading) leave();
  }

  /** The consumer is gone: the provider is asked to stop and to account for what it has made. */
  function leave(): void {
    if (takeEnd("left")) void accountAfterLeaving();
  }

  async function accountAfterLeaving(): Promise<void> {
    await within(hold.park(), PARK_WAIT_ms, clock);
    attempt.cancel();
    const grace = createDeadline(clock, clock.now_ms() + settings.settleGrace_ms);
    try {
      const end = await opened.terminal(grace.signal);
      if (end.type === "complete") settle(end.receiptValid ? end.message.usage : delivered.usage(), "cancelled");
      else if (end.type === "overflow") settle(delivered.usage(), "slow_consumer");
      else settle(delivered.usage(), end.failure.failure === "cancelled" ? "cancelled" : "provider_lost");
    } catch {
      // The grace is over, or the attempt is: either way nothing more will come, and what was relayed is due.
      settle(delivered.usage(), "no_terminal_after_cancel");
    } finally {
      grace.clear();
    }
  }

  async function read(): Promise<AttemptSignal | undefined> {
    reading = true;
    try {
      return await opened.next(idle.signal);
    } catch (error) {
      if (idle.signal.aborted) return undefined;
      attempt.cancel();
      return breakOff("provider_lost", unexpected(error));
    } finally {
      reading = false;
    }
  }

  function take(events: readonly ChatEvent[]): readonly ChatEvent[] {
    delivered.add(events);
    finish ??= events.find((event) => event.type === "finish");
    return finish === undefined ? events : events.filter((event) => event.type !== "finish");
  }

  async function next(): Promise<IteratorResult<readonly ChatEvent[]>> {
    if (first !== undefined && state === "running") {
      const batch = take(first);
      first = undefined;
      if (batch.length > 0) return { done: false, value: batch };
    }
    while (state === "running") {
      const signal = await read();
      if (signal === undefined) {
        if (!idle.passed) {
          leave();
          break;
        }
        attempt.reportTimeout();
        attempt.cancel();
        breakOff("timeout", silent());
      }
      switch (signal.type) {
        case "phase":
          break;
        case "events": {
          idle.moveTo(clock.now_ms() + settings.idleTimeout_ms);
          const batch = take(signal.events);
          if (batch.length > 0) return { done: false, value: batch };
          break;
        }
        case "complete":
          return complete(signal);
        case "overflow":
          attempt.cancel();
          return breakOff("slow_consumer", readTooSlowly());
        case "failed":
          return breakOff("provider_lost", brokenOff());
      }
    }
    if (state === "left") throw new ConsumerLeft("the consumer left during the answer");
    return DONE;
  }

  gone.addEventListener("abort", onGone);
  if (gone.aborted) onGone();

  return {
    provider: attempt.provider,
    limitHeaders: parts.limitHeaders,
    events: {
      [Symbol.asyncIterator]: () => ({
        next,
        return: async () => {
          leave();
          return DONE;
        },
      }),
    },
    receipt: () => receipt,
    settled,
    timing: parts.timing,
  };
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

// What a consumer is told inside its stream. Source: api.md §6.3.

function silent(): ApiError {
  return new ApiError({ status: 504, code: "timeout", message: "request timed out" });
}

function readTooSlowly(): ApiError {
  return new ApiError({ status: 504, code: "timeout", message: "the answer was not read fast enough" });
}

function brokenOff(): ApiError {
  return new ApiError({ status: 502, code: "provider_error", message: "provider ended without completion" });
}

function unexpected(cause: unknown): ApiError {
  return new ApiError({ status: 500, code: "internal_error", message: "internal server error", cause });
}
