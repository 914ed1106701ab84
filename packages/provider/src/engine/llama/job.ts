import { EngineError, type EngineEvent, type GenerateRequest, type Generation } from "../engine.js";
import { createEventQueue, type EventQueue } from "../event-queue.js";
import type { Sequence } from "./sequence-pool.js";

/** One generation on its sequence. */
export interface Job {
  readonly request: GenerateRequest;
  readonly prompt: Uint32Array;
  readonly sequence: Sequence;
  readonly queue: EventQueue<EngineEvent>;
  readonly generated: number[];
  /** Tokens in the cache at the start. */
  reused: number;
  /** Tokens in the cache so far, prompt and answer. */
  evaluated: number;
  phase: "waiting" | "prefill" | "decode";
  /** Asked to stop; honoured between two steps. */
  stop: "cancelled" | "unloaded" | undefined;
  readonly generation: Generation;
  /** Tells whoever cancelled that the sequence is free. */
  readonly freed: () => void;
}

export function createJob(request: GenerateRequest, prompt: Uint32Array, sequence: Sequence): Job {
  let freed = (): void => undefined;
  const free = new Promise<void>((resolve) => {
    freed = resolve;
  });
  const cancel = (): Promise<void> => {
    job.stop ??= "cancelled";
    return free;
  };
  const queue = createEventQueue<EngineEvent>(() => void cancel());
  const job: Job = {
    request,
    prompt,
    sequence,
    queue,
    generated: [],
    reused: 0,
    evaluated: 0,
    phase: "waiting",
    stop: undefined,
    generation: { events: queue.events, cancel },
    freed: () => freed(),
  };
  return job;
}

/** What one job puts into the next batch. */
export interface Share {
  readonly job: Job;
  readonly tokens: Uint32Array;
  /** Whether the last of `tokens` is the last known one, so that the next can be sampled. */
  readonly completes: boolean;
}

/** Every answer goes on by one token; what room is left goes to prompts, in order of arrival. */
export function nextShares(jobs: Iterable<Job>, prefill_tokens_max: number): Share[] {
  const shares: Share[] = [];
  let room = prefill_tokens_max;
  for (const job of jobs) {
    if (job.phase === "decode") {
      const last = job.generated.at(-1);
      if (last !== undefined) shares.push({ job, tokens: Uint32Array.of(last), completes: true });
    } else if (room > 0) {
      const tokens = job.prompt.subarray(job.evaluated, job.evaluated + room);
      room -= tokens.length;
      shares.push({ job, tokens, completes: job.evaluated + tokens.length === job.prompt.length });
    }
  }
  return shares;
}

/** The tokens that a finished job leaves in its sequence's cache. */
export function cachedTokens(job: Job): Uint32Array {
  const tokens = new Uint32Array(job.evaluated);
  tokens.set(job.prompt.subarray(0, job.evaluated));
  if (job.evaluated > job.prompt.length) {
    tokens.set(job.generated.slice(0, job.evaluated - job.prompt.length), job.prompt.length);
  }
  return tokens;
}

/** Any failure as the engine's own error. */
export function toEngineError(cause: unknown): EngineError {
  return cause instanceof EngineError ? cause : new EngineError("internal", "the engine failed while computing", { cause });
}
