import { setImmediate as eventLoopTurn } from "node:timers/promises";
import type { ChatEvent, ChatRequest, FinishReason, Task } from "@umbel/dialects";
import { type Clock, type ModelInfo, type Slot, WIRE_LIMITS } from "@umbel/protocol";
import { laneOf } from "../batch/lane.js";
import { ChatError, type ChatModel } from "../chat/index.js";
import { EngineError, type LoadedEmbedder } from "../engine/engine.js";
import { type LinkedAbort, linkedAbort } from "../engine/linked-abort.js";
import { createTurnstile } from "./turnstile.js";
import { shortened, vectorBase64 } from "./vector.js";

export interface EmbedModelDependencies {
  /** Owned by the embed model from now on. */
  readonly loaded: LoadedEmbedder;
  readonly info: ModelInfo;
  readonly clock: Clock;
  /** Requests that the coordinator is told to keep here at once. */
  readonly concurrency: number;
  /** The engine has fallen silent: every request has failed with `engine_crash`, and the process should be replaced. Called once. */
  readonly onEngineCrash?: () => void;
}

export const embedLimits = {
  /** Requests under way, waiting ones included; one more is refused. */
  requests_max: 128,
  /** Tokens of all requests under way: as many as the largest request holds, at four bytes a token. */
  tokens_max: WIRE_LIMITS.requestBody_bytes_max / 4,
  /** A request whose first input has not had its turn by then is refused. */
  queueTimeout_ms: 120_000,
  /** Silence of the engine over one input after which it counts as dead, on top of the time that the input may take. */
  silence_ms: 120_000,
  /** Speed that is assumed for that time, in tokens per second. */
  assumed_tps: 20,
  /** Characters that are made into tokens before others get the thread. */
  encodedAtOnce_chars: 65_536,
} as const;

/** Weight of the newest observation of speed, as for answers (provider.md §8.5). */
const rateWeight = 0.3;
/** Shorter times say more about the clock than about the engine. */
const measured_ms_min = 1;

type EmbeddingTask = Extract<Task, { type: "embedding" }>;

/** One request under way. */
interface Entry {
  readonly abort: LinkedAbort;
  /** Rejects when the model closes, and not when the request is cancelled: an engine that works says itself when it has stopped. */
  readonly closed: Promise<never>;
  readonly lane: string;
  tokens: number;
  phase: "queued" | "running";
}

/**
 * A loaded model that turns texts into vectors, with the face of one that holds conversations. A request yields `started` with the tokens of
 * all its inputs, one `embedding` an input, in order, and `finish`. Requests take turns input by input, so that a long one does not hold up
 * the others.
 *
 * `run` throws ChatError `client_request` for another task (`model`), for an empty input (`input`) and for a vector size the model was not
 * trained for (`dimensions`); `context_exceeded` for an input longer than the context; otherwise what `ChatModel.run` throws.
 */
export function createEmbedModel(dependencies: EmbedModelDependencies): ChatModel {
  const { loaded, info, clock, concurrency, onEngineCrash = () => undefined } = dependencies;
  const entries = new Map<string, Entry>();
  const turnstile = createTurnstile();
  let rate_tps: number | undefined;
  let closed: "engine_crash" | "not_loaded" | undefined;

  function vectorSize({ dimensions }: EmbeddingTask): number {
    const size = dimensions ?? loaded.vectorSize;
    if (size === loaded.vectorSize) return size;
    if (size > loaded.vectorSize || size < (loaded.vectorSize_min ?? loaded.vectorSize)) {
      throw new ChatError("client_request", { param: "dimensions" });
    }
    return size;
  }

  function admit(requestId: string, lane: string, signal: AbortSignal): Entry {
    if (closed !== undefined) throw new ChatError(closed);
    // A class that lets the coordinator go elsewhere: the first request under this id is still being served.
    if (entries.has(requestId)) throw new ChatError("capacity_slots");
    if (entries.size >= embedLimits.requests_max) {
      throw new ChatError("capacity_queue", { needed: entries.size + 1, available: embedLimits.requests_max });
    }
    const abort = linkedAbort(signal);
    const entry: Entry = { abort, closed: closing(abort.signal), lane, tokens: 0, phase: "queued" };
    entries.set(requestId, entry);
    return entry;
  }

  function closing(signal: AbortSignal): Promise<never> {
    const closing = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => closed !== undefined && reject(signal.reason), { once: true });
    });
    // Nobody may be waiting for it.
    closing.catch(() => undefined);
    return closing;
  }

  function reserve(entry: Entry, tokens: number): void {
    const needed = tokensUnderWay() + tokens;
    if (needed > embedLimits.tokens_max) throw new ChatError("capacity_queue", { needed, available: embedLimits.tokens_max });
    entry.tokens = tokens;
  }

  async function encodeAll({ inputs }: EmbeddingTask, signal: AbortSignal): Promise<Int32Array[]> {
    if (inputs.length === 0) throw new ChatError("client_request", { param: "input" });
    const encoded: Int32Array[] = [];
    let chars = 0;
    for (const input of inputs) {
      chars += input.length;
      if (chars > embedLimits.encodedAtOnce_chars) {
        await eventLoopTurn();
        chars = input.length;
      }
      signal.throwIfAborted();
      const tokens = loaded.encode(input);
      if (tokens.length === 0) throw new ChatError("client_request", { param: "input" });
      if (tokens.length > loaded.contextLength_tokens) {
        throw new ChatError("context_exceeded", { needed: tokens.length, available: loaded.contextLength_tokens });
      }
      encoded.push(tokens);
    }
    return encoded;
  }

  async function inTurn(entry: Entry, tokens: Int32Array, onTurn: () => void): Promise<Float32Array> {
    const { signal } = entry.abort;
    const leave = await turnstile.enter(entry.lane, signal);
    onTurn();
    const start_ms = clock.now_ms();
    const patience_ms = embedLimits.silence_ms + (tokens.length * 1000) / embedLimits.assumed_tps;
    const clearWatchdog = clock.setTimer(patience_ms, crash, "background");
    try {
      const vector = await Promise.race([loaded.embed(tokens, signal), entry.closed]);
      observe(tokens.length, clock.now_ms() - start_ms);
      return vector;
    } finally {
      clearWatchdog();
      leave();
    }
  }

  function observe(tokens: number, elapsed_ms: number): void {
    if (elapsed_ms < measured_ms_min) return;
    const now_tps = (tokens * 1000) / elapsed_ms;
    rate_tps = rate_tps === undefined ? now_tps : rate_tps + rateWeight * (now_tps - rate_tps);
  }

  function close(errorClass: "engine_crash" | "not_loaded"): void {
    closed ??= errorClass;
    for (const { abort } of entries.values()) abort.abort(new ChatError(errorClass));
  }

  function crash(): void {
    close("engine_crash");
    onEngineCrash();
  }

  function tokensUnderWay(): number {
    let tokens = 0;
    for (const entry of entries.values()) tokens += entry.tokens;
    return tokens;
  }

  const run: ChatModel["run"] = async function* (request, { requestId, cacheScope, signal, onPhase }) {
    if (signal.aborted) throw new ChatError("cancelled");
    const task = embeddingTask(request);
    const size = vectorSize(task);
    const entry = admit(requestId, laneOf(cacheScope), signal);
    const timeout = (): void => entry.abort.abort(new ChatError("capacity_queue"));
    const clearQueueTimer = clock.setTimer(embedLimits.queueTimeout_ms, timeout, "background");
    let computed_tokens = 0;
    try {
      const inputs = await encodeAll(task, entry.abort.signal);
      const promptTokens = inputs.reduce((sum, { length }) => sum + length, 0);
      reserve(entry, promptTokens);
      for (const [index, tokens] of inputs.entries()) {
        const vector = await inTurn(entry, tokens, () => {
          if (index > 0) return;
          clearQueueTimer();
          entry.phase = "running";
          onPhase("prefilling");
        });
        const wanted = shortened(vector, size);
        if (wanted === undefined) throw new ChatError("internal");
        if (index === 0) yield { type: "started", promptTokens, cachedPromptTokens: 0 };
        computed_tokens += tokens.length;
        yield { type: "embedding", index, vector: vectorBase64(wanted) };
      }
      yield finish("stop", promptTokens);
    } catch (error) {
      if (!signal.aborted) throw toChatError(error);
      if (computed_tokens === 0) throw new ChatError("cancelled");
      yield finish("cancelled", computed_tokens);
    } finally {
      clearQueueTimer();
      entry.abort.unlink();
      entries.delete(requestId);
    }
  };

  function slot(): Slot {
    const running = [...entries.values()].filter(({ phase }) => phase === "running");
    return {
      model: info.id,
      state: closed === "engine_crash" ? "crashed" : running.length > 0 ? "running" : "idle",
      num_running: running.length,
      num_waiting: entries.size - running.length,
      max_concurrency: concurrency,
      active_tokens: running.reduce((sum, { tokens }) => sum + tokens, 0),
      token_budget_used: tokensUnderWay(),
      token_budget_max: embedLimits.tokens_max,
      // Nothing is generated, and a backlog of inputs drains as fast as inputs are read.
      ...(rate_tps === undefined ? {} : { observed_decode_tps: rate_tps, observed_prefill_tps: rate_tps }),
      model_load_time_ms: loaded.load_ms,
    };
  }

  return {
    run,
    slot,
    counted: () => [...entries].map(([id, { tokens }]) => ({ id, tokens, places: 1 })),
    async dispose() {
      close("not_loaded");
      await loaded.dispose();
    },
  };
}

function embeddingTask({ task }: ChatRequest): EmbeddingTask {
  if (task.type !== "embedding") throw new ChatError("client_request", { param: "model" });
  return task;
}

function finish(reason: FinishReason, promptTokens: number): ChatEvent {
  return { type: "finish", reason, usage: { promptTokens, completionTokens: 0, reasoningTokens: 0, cachedPromptTokens: 0 } };
}

function toChatError(error: unknown): ChatError {
  if (error instanceof ChatError) return error;
  const errorClass = error instanceof EngineError && error.code === "out_of_memory" ? "capacity_kv" : "internal";
  return new ChatError(errorClass, { cause: error });
}
