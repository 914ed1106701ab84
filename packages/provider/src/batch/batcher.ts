import type { Clock, ErrorClass } from "@umbel/protocol";
import type { EngineErrorCode, EngineEvent, LoadedModel } from "../engine/index.js";
import { BatchError } from "./batch-error.js";
import { type BatchEvent, type BatchPhase, type BatchRequest, createEntry, type Entry } from "./entry.js";
import { createFairQueue } from "./fair-queue.js";
import { createRates } from "./rates.js";

export const batchLimits = {
  /** Requests that wait; one more is refused. */
  queued_max: 128,
  /** Of one lane; the rest of the queue is for others. */
  queuedOfLane_max: 112,
  /** A request that has not begun by then is refused. */
  queueTimeout_ms: 120_000,
  /** Silence of a running request after which the engine counts as dead, on top of the time that prompts may take. */
  silence_ms: 120_000,
  /** How often silence is looked for. */
  sweep_ms: 2_000,
  /** A look that comes so much later says that this process itself stood still, as on a machine that slept. */
  sweepLate_ms_max: 5_000,
  /** Speed of prompts that is assumed before one was measured, in tokens per second. */
  assumedPrefill_tps: 20,
} as const;

export interface BatchFigures {
  readonly state: "running" | "idle" | "crashed";
  readonly running: number;
  readonly waiting: number;
  /** Prompt and answer so far, of running requests. */
  readonly active_tokens: number;
  /** Prompt and longest answer, of running and waiting requests. */
  readonly reserved_tokens: number;
  readonly decode_tps: number | undefined;
  readonly prefill_tps: number | undefined;
}

/** Admission to one loaded model. */
export interface Batcher {
  /**
   * Runs a request now or when its turn comes. Aborting its signal, or leaving the loop over the events, cancels it in any phase.
   *
   * @throws BatchError at once: `capacity_queue` when too many wait, `capacity_kv` when the cache could never hold it, `capacity_slots`
   *   when the id is in use, `engine_crash` and `not_loaded` when nothing can run any more. Later failures are `failed` events.
   */
  submit(request: BatchRequest): AsyncIterable<BatchEvent>;
  figures(): BatchFigures;
  /** What of `figures` is counted for requests that have not ended. */
  held(): { readonly id: string; readonly reserved_tokens: number }[];
  /** Ends everything with `not_loaded`. The model itself stays the caller's. */
  stop(): Promise<void>;
}

export interface BatcherDependencies {
  readonly loaded: LoadedModel;
  readonly clock: Clock;
  /** The engine has stopped answering; its process should be replaced. Called once. */
  readonly onEngineCrash: () => void;
}

const errorClassOf: Record<EngineErrorCode, ErrorClass> = {
  artifact: "load_failed_artifact",
  out_of_memory: "capacity_kv",
  context_exceeded: "context_exceeded",
  no_free_sequence: "capacity_slots",
  grammar: "internal",
  internal: "internal",
};

export function createBatcher({ loaded, clock, onEngineCrash }: BatcherDependencies): Batcher {
  const entries = new Map<string, Entry>();
  const waiting = createFairQueue<Entry>();
  /** What holds a sequence. One that was cancelled has left already, and holds it until the engine has finished its step. */
  const running = new Set<Entry>();
  const rates = createRates();
  let sweepDue_ms = 0;
  let clearSweep: (() => void) | undefined;
  let closed: ErrorClass | undefined;

  /** Another request may have come under the id of one that has left. */
  function isHere(entry: Entry): boolean {
    return entries.get(entry.request.id) === entry;
  }

  function leave(entry: Entry, last: Extract<BatchEvent, { type: "end" | "failed" }>): void {
    if (!isHere(entry)) return;
    entries.delete(entry.request.id);
    entry.clearQueueTimer();
    entry.removeAbortListener();
    waiting.remove(entry.request.lane, entry);
    entry.queue.push(last);
    entry.queue.end();
  }

  function fail(entry: Entry, errorClass: ErrorClass, options?: ErrorOptions): void {
    leave(entry, { type: "failed", error: new BatchError(errorClass, {}, options) });
  }

  /** Whoever cancels does not wait for the step that is being computed; the next request does. */
  function cancel(entry: Entry): void {
    void entry.generation?.cancel();
    leave(entry, { type: "end", reason: "cancelled" });
    fill();
  }

  /** The next request starts when it fits; none overtakes it, or a large one would wait for ever. */
  function fill(): void {
    while (closed === undefined && running.size < loaded.sequences) {
      const next = waiting.peek();
      if (next === undefined || reserved(running) + next.reserved_tokens > loaded.cache_tokens) return;
      waiting.shift();
      start(next);
    }
  }

  function start(entry: Entry): void {
    entry.clearQueueTimer();
    entry.admitted_ms = clock.now_ms();
    entry.progress_ms = entry.admitted_ms;
    running.add(entry);
    startSweeping();
    setPhase(entry, "prefilling");
    void pump(entry).then(() => {
      running.delete(entry);
      if (running.size === 0) stopSweeping();
      fill();
    });
  }

  async function pump(entry: Entry): Promise<void> {
    try {
      entry.generation = loaded.generate(entry.request.generate);
      for await (const event of entry.generation.events) take(entry, event);
      fail(entry, "internal");
    } catch (cause) {
      fail(entry, "internal", { cause });
    }
  }

  function take(entry: Entry, event: EngineEvent): void {
    if (!isHere(entry)) return;
    entry.progress_ms = clock.now_ms();
    if (event.type === "end") {
      end(entry, event);
      return;
    }
    if (event.type === "started") entry.cachedTokens = event.cachedTokens;
    else {
      entry.generatedTokens += 1;
      if (entry.firstToken_ms === undefined) {
        entry.firstToken_ms = entry.progress_ms;
        setPhase(entry, "decoding");
      }
    }
    entry.queue.push(event);
  }

  function end(entry: Entry, event: Extract<EngineEvent, { type: "end" }>): void {
    if (event.reason === "error") {
      fail(entry, errorClassOf[event.error?.code ?? "internal"], { cause: event.error });
      return;
    }
    if (event.reason !== "cancelled" && entry.firstToken_ms !== undefined) {
      rates.observe({ ...entry, firstToken_ms: entry.firstToken_ms, end_ms: entry.progress_ms });
    }
    leave(entry, { type: "end", reason: event.reason });
  }

  /** The longest that a request may be silent. Before its first token it may have to wait for every prompt that is being computed. */
  function patience_ms(entry: Entry): number {
    if (entry.firstToken_ms !== undefined) return batchLimits.silence_ms;
    let prompts_tokens = 0;
    for (const other of running) if (other.firstToken_ms === undefined) prompts_tokens += other.promptTokens;
    return batchLimits.silence_ms + (prompts_tokens * 1000) / (rates.prefill_tps ?? batchLimits.assumedPrefill_tps);
  }

  function sweep(): void {
    const now_ms = clock.now_ms();
    const late_ms = now_ms - sweepDue_ms;
    // The engine did not fall silent while nothing ran at all.
    if (late_ms > batchLimits.sweepLate_ms_max) for (const entry of running) entry.progress_ms += late_ms;
    armSweep();
    for (const entry of running) {
      if (now_ms - entry.progress_ms < patience_ms(entry)) continue;
      close("engine_crash");
      onEngineCrash();
      return;
    }
  }

  function armSweep(): void {
    sweepDue_ms = clock.now_ms() + batchLimits.sweep_ms;
    clearSweep = clock.setTimer(batchLimits.sweep_ms, sweep, "background");
  }

  function startSweeping(): void {
    if (clearSweep === undefined) armSweep();
  }

  function stopSweeping(): void {
    clearSweep?.();
    clearSweep = undefined;
  }

  function close(errorClass: ErrorClass): void {
    closed ??= errorClass;
    stopSweeping();
    for (const entry of [...entries.values()]) fail(entry, errorClass);
  }

  function setPhase(entry: Entry, phase: BatchPhase): void {
    entry.phase = phase;
    entry.request.onPhase?.(phase);
  }

  function refuse(request: BatchRequest): void {
    if (closed !== undefined) throw new BatchError(closed);
    // A class that lets the coordinator go elsewhere: the first request under this id is still being served.
    if (entries.has(request.id)) throw new BatchError("capacity_slots");
    if (waiting.size >= batchLimits.queued_max) {
      throw new BatchError("capacity_queue", { needed: waiting.size + 1, available: batchLimits.queued_max });
    }
    const ofLane = waiting.sizeOf(request.lane);
    if (ofLane >= batchLimits.queuedOfLane_max) {
      throw new BatchError("capacity_queue", { needed: ofLane + 1, available: batchLimits.queuedOfLane_max });
    }
    const needed = request.generate.tokens.length + request.generate.maxTokens;
    // What is too long for the context is the engine's to refuse: it is the request's fault, and no other machine's matter.
    if (needed > loaded.cache_tokens && needed <= loaded.contextLength_tokens) {
      throw new BatchError("capacity_kv", { needed, available: loaded.cache_tokens });
    }
  }

  return {
    submit(request) {
      refuse(request);
      const entry = createEntry(request, () => cancel(entry));
      entries.set(request.id, entry);
      const abort = (): void => cancel(entry);
      request.signal.addEventListener("abort", abort, { once: true });
      entry.removeAbortListener = () => request.signal.removeEventListener("abort", abort);
      if (request.signal.aborted) {
        cancel(entry);
        return entry.queue.events;
      }
      waiting.push(request.lane, entry);
      fill();
      if (entry.phase === "queued") {
        request.onPhase?.("queued");
        entry.clearQueueTimer = clock.setTimer(batchLimits.queueTimeout_ms, () => fail(entry, "capacity_queue"), "background");
      }
      return entry.queue.events;
    },

    figures() {
      let active_tokens = 0;
      for (const entry of running) active_tokens += entry.promptTokens + entry.generatedTokens;
      return {
        state: closed === "engine_crash" ? "crashed" : running.size > 0 ? "running" : "idle",
        running: running.size,
        waiting: waiting.size,
        active_tokens,
        reserved_tokens: reserved([...running].filter((entry) => !isHere(entry))) + reserved(entries.values()),
        decode_tps: rates.decode_tps,
        prefill_tps: rates.prefill_tps,
      };
    },

    held: () => [...entries.values()].map(({ request, reserved_tokens }) => ({ id: request.id, reserved_tokens })),

    async stop() {
      const generations = [...running].map(({ generation }) => generation);
      close("not_loaded");
      await Promise.all(generations.map((generation) => generation?.cancel()));
    },
  };
}

function reserved(entries: Iterable<Entry>): number {
  let tokens = 0;
  for (const entry of entries) tokens += entry.reserved_tokens;
  return tokens;
}
