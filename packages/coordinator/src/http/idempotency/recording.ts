import type { AnswerHeaders, AnswerSink, WholeAnswer } from "../answer/sink.js";

/** Says that an answer is that of an earlier request with the same key. */
const REPLAYED: AnswerHeaders = { "X-Umbel-Idempotent-Replay": "true" };

/**
 * One answer as it comes, kept so that whoever asks again gets the same one: from its beginning, and along with it while it grows. It has
 * one writer, its `sink`, and any number of readers.
 */
export interface Recording {
  readonly sink: AnswerSink;
  /** What it takes of memory: characters of text. */
  readonly size: number;
  /** Whether its text is there; an answer that ended is forgotten when memory is needed. */
  readonly kept: boolean;
  /** Writes the answer to a reader until it ends or the reader leaves. Rejects as the recording failed. */
  follow(reader: AnswerSink, as: "first" | "replay"): Promise<void>;
  /** Nothing will be written; readers are told why. */
  fail(error: unknown): void;
  forget(): void;
}

export function createRecording(): Recording {
  let whole: WholeAnswer | undefined;
  let headers: AnswerHeaders | undefined;
  let pieces: string[] = [];
  let size = 0;
  let state: "open" | "ended" | "failed" = "open";
  let failure: unknown;
  let kept = true;
  const waiting = new Set<() => void>();

  function changed(): void {
    for (const wake of waiting) wake();
    waiting.clear();
  }

  function change(gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        gone.removeEventListener("abort", wake);
        waiting.delete(wake);
        resolve();
      };
      waiting.add(wake);
      gone.addEventListener("abort", wake);
      if (gone.aborted) wake();
    });
  }

  async function followStream(reader: AnswerSink, extra: AnswerHeaders): Promise<void> {
    // A reader that has begun keeps the text, whatever is forgotten meanwhile.
    const text = pieces;
    reader.begin({ ...headers, ...extra });
    for (let next = 0; ; ) {
      if (reader.gone.aborted) return;
      const piece = text[next];
      if (piece !== undefined) {
        await reader.write(piece);
        next += 1;
      } else if (state === "open") await change(reader.gone);
      else break;
    }
    if (state === "failed") throw failure;
    await reader.end();
  }

  const never = new AbortController().signal;
  const append = (events: string): void => {
    if (events === "") return;
    pieces.push(events);
    size += events.length;
    changed();
  };

  return {
    get size() {
      return kept ? size : 0;
    },
    get kept() {
      return kept;
    },
    sink: {
      // The answer is made for whoever asks for it again, so it goes on when its first reader leaves.
      gone: never,
      get committed() {
        return headers !== undefined || whole !== undefined;
      },
      async whole(answer) {
        whole = answer;
        size = JSON.stringify(answer.body).length;
        state = "ended";
        changed();
      },
      begin(given) {
        if (headers !== undefined) return;
        headers = given;
        changed();
      },
      write: async (events) => append(events),
      beat: append,
      async end() {
        state = "ended";
        changed();
      },
    },
    async follow(reader, as) {
      const extra = as === "replay" ? REPLAYED : {};
      while (whole === undefined && headers === undefined && state === "open" && !reader.gone.aborted) await change(reader.gone);
      if (reader.gone.aborted) return;
      if (whole !== undefined) await reader.whole({ ...whole, headers: { ...whole.headers, ...extra } });
      else if (headers !== undefined) await followStream(reader, extra);
      else throw failure;
    },
    fail(error) {
      if (state !== "open") return;
      failure = error;
      state = "failed";
      changed();
    },
    forget() {
      kept = false;
      whole = undefined;
      pieces = [];
    },
  };
}
