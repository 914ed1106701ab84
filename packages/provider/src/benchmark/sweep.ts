import type { Clock } from "@umbel/protocol";
import type { EngineEvent, Generation, LoadedModel } from "../engine/engine.js";
import type { MeasuredRates } from "../worker/self-benchmark.js";

/** What is measured: reading by length of the prompt, writing by answers at a time and length of what was read before. */
export interface SweepPlan {
  readonly batches: readonly number[];
  readonly contexts_tokens: readonly number[];
  /** Of each answer. */
  readonly decode_tokens: number;
  /** A point whose prompts alone would take longer to read is left out. */
  readonly read_ms_max: number;
}

export interface PrefillPoint {
  readonly prompt_tokens: number;
  readonly tokens_per_second: number;
  readonly elapsed_ms: number;
}

export interface DecodePoint {
  readonly batch: number;
  readonly context_tokens: number;
  /** Of all answers together. */
  readonly tokens_per_second: number;
  readonly elapsed_ms: number;
}

export interface Sweep {
  readonly prefill: readonly PrefillPoint[];
  readonly decode: readonly DecodePoint[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

export interface SweepWatch {
  readonly signal?: AbortSignal;
  /** Told before each point what it is, and how many there are. */
  readonly onPoint?: (point: { readonly words: string; readonly index: number; readonly count: number }) => void;
}

/** What a lone request usually reads; the rate of the longest prompt up to this is the one that is registered. */
const USUAL_PROMPT_TOKENS = 512;
const WARM_UP_TOKENS = 8;
/** A token that is this unlikely is not chosen: an answer that ends early would leave its place empty. */
const NEVER = -100;
const FILLER = "The quick brown fox jumps over the lazy dog. ";

/**
 * Measures a loaded model at every point of the plan that it has room for. Nothing else may run on it.
 *
 * @throws EngineError when the engine fails; the signal's reason when it is aborted
 */
export async function sweep(model: LoadedModel, plan: SweepPlan, clock: Clock, { signal, onPoint }: SweepWatch = {}): Promise<Sweep> {
  const notes: string[] = [];
  const contexts = plan.contexts_tokens.filter((tokens) => tokens + plan.decode_tokens <= model.contextLength_tokens);
  const batches = plan.batches.filter((batch) => batch <= model.sequences);
  for (const tokens of plan.contexts_tokens) {
    if (!contexts.includes(tokens)) notes.push(`${tokens} tokens: the model's context here is ${model.contextLength_tokens}`);
  }
  for (const batch of plan.batches) {
    if (!batches.includes(batch)) notes.push(`${batch} answers at a time: there is memory for ${model.sequences}`);
  }
  const count = contexts.length * (1 + batches.length);
  let index = 0;
  const begin = (words: string): void => {
    signal?.throwIfAborted();
    onPoint?.({ words, index: index++, count });
  };
  await read(model, { tokens: WARM_UP_TOKENS, clock, signal });
  const prefill: PrefillPoint[] = [];
  for (const tokens of contexts) {
    begin(`reading ${tokens} tokens`);
    prefill.push(await read(model, { tokens, clock, signal }));
  }
  const decode: DecodePoint[] = [];
  for (const [at, context_tokens] of contexts.entries()) {
    for (const batch of batches) {
      begin(`${batch} × writing after ${context_tokens} tokens`);
      const reading_ms = batch * (prefill[at]?.elapsed_ms ?? 0);
      if (reading_ms > plan.read_ms_max) {
        notes.push(`${batch} × ${context_tokens} tokens: reading them would take ${Math.round(reading_ms / 1000)} s`);
        continue;
      }
      const point = await write(model, { batch, context_tokens, decode_tokens: plan.decode_tokens, clock, signal });
      if (point === undefined) notes.push(`${batch} × ${context_tokens} tokens: the first answers had ended before the last began`);
      else decode.push(point);
    }
  }
  return { prefill, decode, notes };
}

/** How fast the machine reads and writes when it does one thing at a time, as a coordinator is told. */
export function loneRates({ prefill, decode }: Sweep): MeasuredRates {
  const usual = prefill.filter(({ prompt_tokens }) => prompt_tokens <= USUAL_PROMPT_TOKENS).at(-1) ?? prefill[0];
  const alone = decode.filter(({ batch }) => batch === 1)[0];
  return { prefill_tps: usual?.tokens_per_second ?? 0, decode_tps: alone?.tokens_per_second ?? 0 };
}

interface Measuring {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

async function read(model: LoadedModel, { tokens, clock, signal }: Measuring & { readonly tokens: number }): Promise<PrefillPoint> {
  const start_ms = clock.now_ms();
  const generation = begin(model, tokens, 1, 0);
  for await (const event of untilAborted(generation, signal)) {
    throwIfFailed(event);
    if (event.type === "started") break;
  }
  const elapsed_ms = clock.now_ms() - start_ms;
  await generation.cancel();
  return { prompt_tokens: tokens, tokens_per_second: perSecond(tokens, elapsed_ms), elapsed_ms };
}

/** From when all answers are being written until the first of them has what was asked for. */
async function write(
  model: LoadedModel,
  { batch, context_tokens, decode_tokens, clock, signal }: Measuring & { batch: number; context_tokens: number; decode_tokens: number },
): Promise<DecodePoint | undefined> {
  const tokens_max = model.contextLength_tokens - context_tokens;
  const generations = Array.from({ length: batch }, (_, i) => begin(model, context_tokens, tokens_max, i));
  let writing = 0;
  let start_ms: number | undefined;
  let end_ms: number | undefined;
  let tokens = 0;
  const follow = async (generation: Generation): Promise<void> => {
    let own = 0;
    let hasBegun = false;
    for await (const event of untilAborted(generation, signal)) {
      throwIfFailed(event);
      if (end_ms !== undefined) break;
      if (event.type === "end") end_ms = clock.now_ms();
      if (event.type !== "token") continue;
      if (!hasBegun) writing++;
      hasBegun = true;
      if (start_ms === undefined && writing === batch) start_ms = clock.now_ms();
      else if (start_ms !== undefined) {
        tokens++;
        if (++own === decode_tokens) end_ms = clock.now_ms();
      }
    }
  };
  try {
    await Promise.all(generations.map(follow));
  } finally {
    await Promise.all(generations.map((generation) => generation.cancel()));
  }
  if (start_ms === undefined || end_ms === undefined || tokens < batch) return undefined;
  const elapsed_ms = end_ms - start_ms;
  return { batch, context_tokens, tokens_per_second: perSecond(tokens, elapsed_ms), elapsed_ms };
}

/** A prompt of so many tokens, unlike those of the others, and remembered by nobody. */
function begin(model: LoadedModel, prompt_tokens: number, maxTokens: number, variant: number): Generation {
  const filler = model.tokenize(`${variant} ${FILLER}`, false);
  const tokens = Int32Array.from({ length: prompt_tokens }, (_, i) => filler[i % filler.length] ?? 0);
  const { eos } = model.specialTokens;
  const [end] = eos === undefined ? [] : model.tokenize(eos, true);
  const sampling = { temperature: 0, seed: variant, ...(end === undefined ? {} : { logitBias: new Map([[end, NEVER]]) }) };
  return model.generate({ tokens, maxTokens: Math.max(1, maxTokens), sampling });
}

async function* untilAborted(generation: Generation, signal: AbortSignal | undefined): AsyncGenerator<EngineEvent> {
  for await (const event of generation.events) {
    signal?.throwIfAborted();
    yield event;
  }
}

function throwIfFailed(event: EngineEvent): void {
  if (event.type === "end" && event.reason === "error") throw event.error ?? new Error("the engine failed");
}

function perSecond(tokens: number, elapsed_ms: number): number {
  return elapsed_ms > 0 ? (tokens * 1000) / elapsed_ms : 0;
}
