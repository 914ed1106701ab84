import type { Clock } from "@umbel/protocol";
import { EngineError, type EngineEvent, type Generation } from "../engine.js";
import { createEventQueue } from "../event-queue.js";
import type { ScriptedFault } from "./script.js";
import { scriptedTokenizer } from "./tokenizer.js";

export interface StreamPlan {
  readonly promptTokens: number;
  readonly answer: Int32Array;
  readonly maxTokens: number;
  readonly firstToken_ms: number;
  readonly tokens_per_s: number | "unlimited";
  /** Strikes before the first token (0) or after so many. */
  readonly fault: { readonly kind: ScriptedFault["kind"]; readonly afterTokens: number } | undefined;
}

export interface ScriptedStream extends Generation {
  /** Ends the stream from outside. */
  fail(error: EngineError): void;
}

/** One answer on its own timetable: token number n is due n / rate after the first. */
export function startStream(plan: StreamPlan, clock: Clock, crash: () => void, onFreed: () => void): ScriptedStream {
  const queue = createEventQueue<EngineEvent>(() => end({ type: "end", reason: "cancelled" }));
  const length = Math.min(plan.answer.length, plan.maxTokens);
  let written = 0;
  let over = false;
  let first_ms = 0;
  let clearTimer = clock.setTimer(plan.firstToken_ms, begin);

  function end(event: Extract<EngineEvent, { type: "end" }>): void {
    if (over) return;
    over = true;
    clearTimer();
    onFreed();
    queue.push(event);
    queue.end();
  }

  function strike(kind: ScriptedFault["kind"]): void {
    if (kind === "crash") crash();
    const code = kind === "out_of_memory" ? "out_of_memory" : "internal";
    if (kind === "error" || kind === "out_of_memory")
      end({ type: "end", reason: "error", error: new EngineError(code, "the script says so") });
  }

  function begin(): void {
    first_ms = clock.now_ms();
    if (plan.fault?.afterTokens === 0) {
      strike(plan.fault.kind);
      return;
    }
    queue.push({ type: "started", promptTokens: plan.promptTokens, cachedTokens: 0 });
    advance();
  }

  /** Tokens that are due by now, the first one at once. */
  function due(): number {
    if (plan.tokens_per_s === "unlimited") return length;
    return Math.min(length, 1 + Math.floor(((clock.now_ms() - first_ms) * plan.tokens_per_s) / 1000 + 1e-6));
  }

  function advance(): void {
    const until = due();
    while (written < until) {
      const id = plan.answer[written] ?? 0;
      queue.push({ type: "token", id, bytes: scriptedTokenizer.bytesOf(id) });
      written += 1;
      if (written === plan.fault?.afterTokens) {
        strike(plan.fault.kind);
        return;
      }
    }
    if (written === length) end({ type: "end", reason: length === plan.maxTokens ? "length" : "stop" });
    else if (plan.tokens_per_s !== "unlimited") {
      clearTimer = clock.setTimer(Math.max(0, first_ms + (written * 1000) / plan.tokens_per_s - clock.now_ms()), advance);
    }
  }

  return {
    events: queue.events,
    cancel() {
      end({ type: "end", reason: "cancelled" });
      return Promise.resolve();
    },
    fail: (error) => end({ type: "end", reason: "error", error }),
  };
}
