import type { Clock, ErrorClass } from "@umbel/protocol";
import type { EngineErrorCode, EngineEvent, LoadedModel } from "../engine/index.js";
import { BatchError } from "./batch-error.js";
import { type BatchEvent, type BatchPhase, type BatchRequest, createEntry, type Entry } from "./entry.js";
import { createFairQueue } from "./fair-queue.js";
import { createRates } from "./rates.js";

export const batchLimits = {
  /** Requests that wait; one more is refused. */
  queued_max: 128,
  /** A request that has not begun by then is refused. */
  queueTimeout_ms: 120_000,
  /** Silence of a running request after which the engine counts as dead, on top of the time that prompts may take. */
  silence_ms: 120_000,
  /** How often silence is looked for. */
  sweep_ms: 2_000,
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
   * @throws BatchError at once: `capacity_queue` when too many wait, `capacity_slots` when the id is in use, `engine_crash` and
   *   `not_loaded` when nothing can run any more. Later failures are `failed` events.
   */
  submit(request: BatchRequest): AsyncIterable<BatchEvent>;
  figures(): BatchFigures;
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
  const running = new Set<Entry>();
  const rates = createRates();
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
    running.delete(entry);
    if (running.size === 0) stopSweeping();
    entry.queue.push(last);
    entry.queue.end();
  }

  function fail(entry: Entry, errorClass: ErrorClass, options?: ErrorOptions): void {
    leave(entry, { type: "failed", error: new BatchError(errorClass, {}, options) });
  }

  /** Also of a request that has left already: its sequence is free only when the engine says so. */
  function cancel(entry: Entry): void {
    if (entry.generation === undefined) leave(entry, { type: "end", reason: "cancelled" });
    else void entry.generation.cancel();
  }

  function fill(): void {
    while (closed === undefined && running.size < loaded.sequences) {
      const entry = waiting.shift();
      if (entry === undefined) return;
      start(entry);
    }
  }

  function start(entry: Entry): void {
    entry.clearQueueTimer();
    entry.admitted_ms = clock.now_ms();
    entry.progress_ms = entry.admitted_ms;
    running.add(entry);
    startSweeping();
    setPhase(entry, "prefilling");
    void pump(entry).then(fill);
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
    clearSweep = clock.setTimer(batchLimits.sweep_ms, sweep, "background");
    const now_ms = clock.now_ms();
    for (const entry of running) {
      if (now_ms - entry.progress_ms < patience_ms(entry)) continue;
      close("engine_crash");
      onEngineCrash();
      return;
    }
  }

  function startSweeping(): void {
    clearSweep ??= clock.setTimer(batchLimits.sweep_ms, sweep, "background");
  }

  function stopSweeping(): void {
    clearSweep?.();
    clearSweep = undefined;
  }

  function close(errorClass: ErrorClass): void {
    closed ??= errorClass;
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
      let reserved_tokens = 0;
      for (const entry of running) active_tokens += entry.promptTokens + entry.generatedTokens;
      for (const entry of entries.values()) reserved_tokens += entry.reserved_tokens;
      return {
        state: closed === "engine_crash" ? "crashed" : running.size > 0 ? "running" : "idle",
        running: running.size,
        waiting: waiting.size,
        active_tokens,
        reserved_tokens,
        decode_tps: rates.decode_tps,
        prefill_tps: rates.prefill_tps,
      };
    },

    async stop() {
      const generations = [...running].map(({ generation }) => generation);
      close("not_loaded");
      await Promise.all(generations.map((generation) => generation?.cancel()));
    },
  };
}
