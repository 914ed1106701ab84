import { commonPrefix } from "../common-prefix.js";
import type { FetchedPrefix, PrefixStore } from "../prefix-store.js";
import type { Job } from "./job.js";
import type { NativeContext } from "./native.js";
import type { Sequence, SequencePool } from "./sequence-pool.js";

export interface PrefixMovesParts {
  readonly native: Pick<NativeContext, "saveSequenceStateToFile" | "loadSequenceStateFromFile">;
  readonly pool: Pick<SequencePool, "idle">;
  readonly store: PrefixStore;
  readonly contextLength_tokens: number;
  /** What one token takes of the cache, at most. */
  readonly token_bytes: number;
  /** Empties a sequence. */
  readonly forget: (sequence: Sequence) => void;
  /** Whether the job has not ended. */
  readonly isHere: (job: Job) => boolean;
  /** Monotonic. */
  readonly now_ms: () => number;
}

/** Moves what sequences know of prompts to a store, before it is overwritten, and back. */
export interface PrefixMoves {
  /**
   * Between two steps, before a job begins on its sequence: keeps what it would overwrite, and looks for what is kept of its own prompt. The
   * job's phase is `fetching` while that is on its way, and `waiting` again when it is there.
   *
   * @param isBeside others are being computed, which should not wait long
   */
  prepare(job: Job, isBeside: boolean): Promise<void>;
  /** The job has ended. */
  leave(job: Job): void;
  /** Resolves when something has come, or something else is to be looked at. */
  arrival(): Promise<void>;
  wake(): void;
  /** Keeps what idle sequences know, for as long as that may take. */
  keepIdle(): Promise<void>;
}

/** While others are being computed, larger states are not saved: copying them takes about as long as a step. */
const saved_bytes_max_beside = 64 * 2 ** 20;
/** A model that leaves memory keeps what can be kept in this time. */
const keepIdle_ms_max = 1000;

export function createPrefixMoves(parts: PrefixMovesParts): PrefixMoves {
  const { native, store } = parts;
  /** What was found for a job: undefined until it has come, null when there is nothing. */
  const found = new Map<Job, FetchedPrefix | null | undefined>();
  let woken = Promise.resolve();
  let wake = (): void => undefined;
  sleep();

  function sleep(): void {
    woken = new Promise((resolve) => {
      wake = resolve;
    });
  }

  function keep({ index, scope, cached }: Sequence, bytes_max: number): Promise<void> {
    if (scope === undefined || cached.length < store.tokens_min || cached.length * parts.token_bytes > bytes_max) return Promise.resolve();
    const tokens = cached;
    return store.keep({ scope, tokens }, (path) => native.saveSequenceStateToFile(path, index, tokens));
  }

  async function load({ sequence, request }: Job, fetched: FetchedPrefix): Promise<void> {
    parts.forget(sequence);
    try {
      await native.loadSequenceStateFromFile(fetched.path, sequence.index, parts.contextLength_tokens);
      sequence.cached = fetched.tokens;
      sequence.scope = request.cacheScope;
    } catch {
      // Its prompt is computed as if nothing had been kept.
      parts.forget(sequence);
    } finally {
      fetched.release();
    }
  }

  function look(job: Job, known_tokens: number): void {
    const { prompt, request } = job;
    found.set(job, null);
    if (request.cacheScope === undefined) return;
    const kept = store.find({ scope: request.cacheScope, tokens: prompt }, known_tokens);
    if (kept === undefined || kept.tokens.length > parts.contextLength_tokens) return;
    job.phase = "fetching";
    found.set(job, undefined);
    const isWanted = (): boolean => parts.isHere(job) && job.stop === undefined;
    void kept.fetch(isWanted).then((fetched) => {
      if (!isWanted()) fetched?.release();
      else found.set(job, fetched ?? null);
      job.phase = "waiting";
      wake();
    });
  }

  return {
    async prepare(job, isBeside) {
      const fetched = found.get(job);
      if (fetched) {
        found.set(job, null);
        await load(job, fetched);
      }
      if (found.has(job)) return;
      const { sequence, prompt, request } = job;
      const isOwn = request.cacheScope !== undefined && sequence.scope === request.cacheScope;
      const known_tokens = isOwn ? commonPrefix(sequence.cached, prompt) : 0;
      const isLost = sequence.cached.length - known_tokens >= store.tokens_min;
      if (isLost) await keep(sequence, Math.min(store.state_bytes_max, isBeside ? saved_bytes_max_beside : Number.POSITIVE_INFINITY));
      look(job, known_tokens);
    },
    leave(job) {
      found.get(job)?.release();
      found.delete(job);
    },
    async arrival() {
      await woken;
      sleep();
    },
    wake: () => wake(),
    async keepIdle() {
      const end_ms = parts.now_ms() + keepIdle_ms_max;
      for (const sequence of parts.pool.idle()) {
        await store.settled();
        if (parts.now_ms() >= end_ms) return;
        await keep(sequence, store.state_bytes_max);
      }
    },
  };
}
