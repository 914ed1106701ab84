import type { AnswerReader } from "./pipe-messages.js";
import type { FrameSink } from "./sealed-answer.js";

/**
 * One way out for all answers, with a gate for each reader and one for each answer: while a reader does not keep up, its answers wait and those
 * of others go on; and so does a single answer whose consumer does not. What was under way when a gate is closed still comes through, at most a
 * chunk of each answer.
 */
export class AnswerGates {
  readonly #sink: FrameSink;
  /** Who waits at closed gates, by the reader or the request. */
  readonly #held = new Map<string, Set<() => void>>();

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @param gate a reader's, or a request's by its id */
  set(gate: AnswerReader | string, isHeld: boolean): void {
    const waiting = this.#held.get(gate);
    if (isHeld && waiting === undefined) this.#held.set(gate, new Set());
    if (isHeld || waiting === undefined) return;
    this.#held.delete(gate);
    for (const resolve of waiting) resolve();
  }

  /** The way out as an answer for this reader sees it. */
  sinkOf(reader: AnswerReader, requestId: string): FrameSink {
    const sink = this.#sink;
    const held = this.#held;
    const closed = (): string | undefined => (held.has(reader) ? reader : held.has(requestId) ? requestId : undefined);
    return {
      sendWire: (frame) => sink.sendWire(frame),
      get congested() {
        return sink.congested || closed() !== undefined;
      },
      drained: async () => {
        do {
          for (let gate = closed(); gate !== undefined; gate = closed()) await this.#opened(gate);
          await sink.drained();
        } while (closed() !== undefined);
      },
    };
  }

  #opened(gate: string): Promise<void> {
    const waiting = this.#held.get(gate);
    return waiting === undefined ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve));
  }
}
