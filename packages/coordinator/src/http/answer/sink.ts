/** Headers of an answer, beside those that the layers around it set. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** One JSON value. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: unknown;
}

/**
 * Where an answer goes: to a connection, sealed, into a recording. Either `whole` is called once, or `begin`, then `write` and `beat`, then
 * `end`. One writer at a time.
 */
export interface AnswerSink {
  /** Whether status and headers are on their way: from then on failures can only be told in band. */
  readonly committed: boolean;
  /** Aborted when nobody reads any more. */
  readonly gone: AbortSignal;
  whole(answer: WholeAnswer): Promise<void>;
  /** Begins a stream of server-sent events with status 200; later calls do nothing. */
  begin(headers: AnswerHeaders): void;
  /** Writes whole events, and resolves when there is room for more. @throws ConsumerGone */
  write(events: string): Promise<void>;
  /** Writes a sign of life, which is left out while the reader is behind. */
  beat(events: string): void;
  end(): Promise<void>;
}
