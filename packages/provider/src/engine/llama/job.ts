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
  /** What happened last and was not told yet. */
  readonly unsent: EngineEvent[];
  /** Tokens in the cache at the start. */
  reused: number;
  /** Tokens in the cache so far, prompt and answer. */
  evaluated: number;
  /** `fetching`: what is kept of its prompt is on its way. */
  phase: "waiting" | "fetching" | "prefill" | "decode";
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
    unsent: [],
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

/** The next token of every running answer. */
export function answerShares(jobs: Iterable<Job>): Share[] {
  const shares: Share[] = [];
  for (const job of jobs) {
    const last = job.phase === "decode" ? job.generated.at(-1) : undefined;
    if (last !== undefined) shares.push({ job, tokens: Uint32Array.of(last), completes: true });
  }
  return shares;
}

/** The prompts that are being computed. */
export function promptJobs(jobs: Iterable<Job>): Job[] {
  return [...jobs].filter(({ phase, stop }) => phase === "prefill" && stop === undefined);
}

/**
 * Pieces of the prompts that are being computed: half of the room to the one that came first, so that it is done some time; the rest to
 * those that need least, so that a short prompt does not wait for a long one.
 */
export function promptShares(prompts: readonly Job[], room_tokens: number): Share[] {
  const left = (job: Job): number => job.prompt.length - job.evaluated;
  const [oldest] = prompts;
  if (oldest === undefined) return [];
  const rooms = new Map<Job, number>();
  let room = room_tokens;
  const give = (job: Job, tokens: number): void => {
    const given = Math.min(tokens, room, left(job) - (rooms.get(job) ?? 0));
    rooms.set(job, (rooms.get(job) ?? 0) + given);
    room -= given;
  };
  give(oldest, Math.ceil(room_tokens / 2));
  for (const job of prompts.toSorted((a, b) => left(a) - left(b))) give(job, room);
  return [...rooms]
    .filter(([, tokens]) => tokens > 0)
    .map(([job, tokens]) => ({
      job,
      tokens: job.prompt.subarray(job.evaluated, job.evaluated + tokens),
      completes: job.evaluated + tokens === job.prompt.length,
    }));
}

export function tokensOf(shares: readonly Share[]): number {
  return shares.reduce((total, { tokens }) => total + tokens.length, 0);
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
