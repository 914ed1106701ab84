import type { Clock } from "@umbel/protocol";
import type { AnswerHeaders, AnswerSink } from "./sink.js";

export interface KeepAliveOptions {
  readonly clock: Clock;
  /** 0 does nothing. */
  readonly interval_ms: number;
  /** What the first sign of life commits. */
  readonly headers: AnswerHeaders;
  readonly text: () => string;
}

/** Writes a sign of life after every interval until the returned function is called. Source: api.md §15. */
export function keepAlive(sink: AnswerSink, { clock, interval_ms, headers, text }: KeepAliveOptions): () => void {
  if (interval_ms === 0) return () => undefined;
  let cancel = clock.setTimer(interval_ms, beat);
  function beat(): void {
    sink.begin(headers);
    sink.beat(text());
    cancel = clock.setTimer(interval_ms, beat);
  }
  return () => cancel();
}
