import { commonPrefix } from "../common-prefix.js";
import { EngineError, type EngineEvent, type GenerateRequest, type Generation } from "../engine.js";
import type { PrefixStore } from "../prefix-store.js";
import { type Drawn, drawAll } from "./draw.js";
import type { GrammarCache } from "./grammar-cache.js";
import { answerShares, cachedTokens, createJob, type Job, promptJobs, promptShares, type Share, toEngineError, tokensOf } from "./job.js";
import { topLogprobs } from "./logprobs.js";
import type { NativeContext, NativeSampler } from "./native.js";
import { createPrefillPace } from "./prefill-pace.js";
import { createPrefixMoves } from "./prefix-moves.js";
import { configureSampler } from "./sampling.js";
import { reusedPrefix_tokens_min, type Sequence, type SequencePool } from "./sequence-pool.js";
import type { TokenInfo } from "./token-table.js";
import type { Turns } from "./turns.js";

export interface DecodeLoopParts {
  readonly native: NativeContext;
  readonly pool: SequencePool;
  /** One for each sequence. */
  readonly samplers: readonly NativeSampler[];
  /** Reads the model's own probabilities. */
  readonly rawSampler: NativeSampler;
  readonly tokenInfo: (id: number) => TokenInfo;
  readonly grammars: GrammarCache;
  readonly turns: Turns;
  readonly contextLength_tokens: number;
  readonly vocabularySize: number;
  /** Prompt tokens in one step at most, over all sequences. */
  readonly prefill_tokens_max: number;
  /** Width of the attention window in models that have one; their cache forgets what lies behind it. */
  readonly attentionWindow_tokens: number;
  /** Where prompts are kept whose sequence is needed for another; absent is nowhere. */
  readonly prefixes?: PrefixStore | undefined;
  /** What one token takes of the cache, at most. */
  readonly token_bytes: number;
  /** Seeds for requests that name none. */
  readonly nextSeed: () => number;
  /** Monotonic. */
  readonly now_ms: () => number;
}

/** Continuous batching: every step computes one token of each running answer and a piece of the waiting prompts. */
export interface DecodeLoop {
  /** @throws EngineError `no_free_sequence`. */
  generate(request: GenerateRequest): Generation;
  /** Ends every generation with an error; resolves when the native side is at rest. */
  stop(): Promise<void>;
}

const lastToken = (tokens: Uint32Array): Uint32Array => Uint32Array.of(tokens.length - 1);
const noToken = new Uint32Array(0);

export function createDecodeLoop(parts: DecodeLoopParts): DecodeLoop {
  const { native, pool, samplers, tokenInfo } = parts;
  const jobs = new Set<Job>();
  const pace = createPrefillPace(parts.prefill_tokens_max);
  const moves = parts.prefixes && createPrefixMoves({ ...parts, store: parts.prefixes, forget, isHere: (job: Job) => jobs.has(job) });
  let running: Promise<void> | undefined;
  let stopped = false;

  function forget(sequence: Sequence): void {
    native.removeTokenCellsFromSequence(sequence.index, 0, -1);
    sequence.cached = noToken;
    sequence.scope = undefined;
  }

  function finish(job: Job, end: Extract<EngineEvent, { type: "end" }>, cache: "intact" | "unknown"): void {
    jobs.delete(job);
    send(job);
    const { sequence, request } = job;
    if (cache === "intact" && request.cacheScope !== undefined) {
      sequence.cached = cachedTokens(job);
      sequence.scope = request.cacheScope;
    } else {
      forget(sequence);
    }
    moves?.leave(job);
    pool.release(sequence);
    job.queue.push(end);
    job.queue.end();
    job.freed();
  }

  function send(job: Job): void {
    for (const event of job.unsent) job.queue.push(event);
    job.unsent.length = 0;
  }

  /** What answers came to is sent when the next computation is under way: readers then work beside it, and not in its time. */
  function sendAll(): void {
    for (const job of jobs) send(job);
  }

  function fail(job: Job, cause: unknown): void {
    finish(job, { type: "end", reason: "error", error: toEngineError(cause) }, "unknown");
  }

  /** Keeps what the sequence already knows of the prompt. Returns how many tokens that is; at least one is always computed again. */
  function reuse(job: Job): number {
    const { sequence, prompt, request } = job;
    const sameScope = request.cacheScope !== undefined && sequence.scope === request.cacheScope;
    const kept = sameScope ? Math.min(commonPrefix(sequence.cached, prompt), prompt.length - 1) : 0;
    const reaches = native.getSequenceKvCacheMinPosition(sequence.index) <= Math.max(0, kept - parts.attentionWindow_tokens);
    if (kept >= reusedPrefix_tokens_min && reaches && native.removeTokenCellsFromSequence(sequence.index, kept, -1)) return kept;
    forget(sequence);
    return 0;
  }

  function begin(job: Job): void {
    const sampler = samplers[job.sequence.index];
    if (sampler === undefined) throw new EngineError("internal", "a sequence has no sampler");
    const { sampling, grammar, cacheScope } = job.request;
    configureSampler(sampler, sampling, {
      prompt: job.prompt,
      contextLength_tokens: parts.contextLength_tokens,
      vocabularySize: parts.vocabularySize,
      defaultSeed: parts.nextSeed(),
      grammarState: grammar === undefined ? undefined : parts.grammars.begin(grammar, cacheScope),
    });
    job.evaluated = reuse(job);
    job.phase = "prefill";
    job.reused = job.evaluated;
  }

  function settleStopped(): void {
    for (const job of jobs) {
      if (job.stop === "cancelled") finish(job, { type: "end", reason: "cancelled" }, "intact");
      if (job.stop === "unloaded") fail(job, new EngineError("internal", "the model was unloaded"));
    }
  }

  async function beginWaiting(): Promise<void> {
    for (const job of jobs) {
      if (job.phase !== "waiting") continue;
      sendAll();
      try {
        await moves?.prepare(job, jobs.size > 1);
        if (job.phase === "waiting") begin(job);
      } catch (cause) {
        fail(job, cause);
      }
    }
  }

  async function decode(shares: readonly Share[]): Promise<number[]> {
    native.initBatch(tokensOf(shares));
    const logits = shares.map(({ job, tokens, completes }) => {
      const wanted = completes ? lastToken(tokens) : noToken;
      return native.addToBatch(job.sequence.index, job.evaluated, tokens, wanted)[0] ?? -1;
    });
    const computed = native.decodeBatch();
    sendAll();
    await computed;
    for (const { job, tokens } of shares) job.evaluated += tokens.length;
    return logits;
  }

  function goOn(drawn: Drawn): void {
    const { job } = drawn;
    if ("cause" in drawn) {
      fail(job, drawn.cause);
      return;
    }
    if (job.phase === "prefill") {
      job.phase = "decode";
      job.unsent.push({ type: "started", promptTokens: job.prompt.length, cachedTokens: job.reused });
    }
    const { id, raw } = drawn;
    const { bytes, ends } = tokenInfo(id);
    if (ends) {
      finish(job, { type: "end", reason: "stop" }, "intact");
      return;
    }
    job.generated.push(id);
    const logprobs = raw === undefined ? undefined : topLogprobs(raw[1] ?? [], id, job.request.topLogprobs ?? 0, tokenInfo);
    job.unsent.push({ type: "token", id, bytes, ...logprobs });
    if (job.generated.length >= job.request.maxTokens) finish(job, { type: "end", reason: "length" }, "intact");
  }

  /** Computes what belongs to one batch, and the next token of every answer in it. */
  async function compute(shares: Share[]): Promise<void> {
    if (shares.length === 0) return;
    // llama.cpp computes together what lies side by side, in this order: else it goes through the model once for every sequence.
    shares.sort((a, b) => a.job.sequence.index - b.job.sequence.index);
    let logits: number[];
    try {
      logits = await decode(shares);
    } catch (cause) {
      for (const { job } of shares) fail(job, cause);
      return;
    }
    const answers = shares.flatMap(({ job, completes }, i) =>
      completes && job.stop === undefined ? [{ job, logit: logits[i] ?? -1 }] : [],
    );
    for (const drawn of await drawAll(answers, parts)) goOn(drawn);
  }

  /**
   * Answers and prompts are batches of their own. In one, llama.cpp goes through the model as often, once for a token of each and once for
   * the rest of the prompts, but has every answer look at as many cells as the longest prompt has.
   */
  async function step(): Promise<void> {
    settleStopped();
    await beginWaiting();
    const start_ms = parts.now_ms();
    const answers = answerShares(jobs);
    await compute(answers);
    const begun_ms = parts.now_ms();
    if (answers.length > 0) pace.answered(answers.length, begun_ms - start_ms);
    const prompts = promptJobs(jobs);
    if (prompts.length > 0) {
      const position_tokens = Math.max(...prompts.map(({ evaluated }) => evaluated));
      const surroundings = { answers: answers.length, isShared: parts.turns.waiting > 0, position_tokens };
      const pieces = promptShares(prompts, pace.next(surroundings));
      await compute(pieces);
      pace.observe(surroundings, tokensOf(pieces), parts.now_ms() - begun_ms);
    }
    if (parts.turns.waiting > 0) sendAll();
  }

  async function run(): Promise<void> {
    while (jobs.size > 0) {
      try {
        await parts.turns.take(step);
      } catch (cause) {
        for (const job of jobs) fail(job, cause);
      }
      if (jobs.size > 0 && [...jobs].every(({ phase, stop }) => phase === "fetching" && stop === undefined)) await moves?.arrival();
    }
    running = undefined;
  }

  return {
    generate(request) {
      const prompt = Uint32Array.from(request.tokens);
      const refusal = stopped ? new EngineError("internal", "the model was unloaded") : refuse(request, parts);
      if (refusal !== undefined) return refused(refusal);
      const sequence = pool.take(prompt, request.cacheScope);
      if (sequence === undefined) throw new EngineError("no_free_sequence", "all sequences are in use");
      const job = createJob(request, prompt, sequence);
      jobs.add(job);
      moves?.wake();
      running ??= run();
      return job.generation;
    },
    async stop() {
      stopped = true;
      for (const job of jobs) job.stop = "unloaded";
      moves?.wake();
      await running;
      await moves?.keepIdle();
    },
  };
}

/** What can be known to fail before any work is done. */
function refuse(request: GenerateRequest, limits: { contextLength_tokens: number; vocabularySize: number }): EngineError | undefined {
  const { tokens, maxTokens } = request;
  if (tokens.length === 0 || !Number.isSafeInteger(maxTokens) || maxTokens < 1) {
    return new EngineError("internal", `a request of ${tokens.length} tokens for ${maxTokens} more cannot run`);
  }
  const needed = tokens.length + maxTokens;
  if (needed > limits.contextLength_tokens) {
    return new EngineError("context_exceeded", `the request needs ${needed} tokens of ${limits.contextLength_tokens}`);
  }
  // The native code does not look before it reads the embedding.
  if (tokens.some((id) => id < 0 || id >= limits.vocabularySize))
    return new EngineError("internal", "a token id is outside the vocabulary");
  return undefined;
}

function refused(error: EngineError): Generation {
  const end: EngineEvent = { type: "end", reason: "error", error };
  return {
    events: (async function* () {
      yield end;
    })(),
    cancel: () => Promise.resolve(),
  };
}
