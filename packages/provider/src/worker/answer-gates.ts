import type { AnswerReader } from "./pipe-messages.js";
import type { FrameSink } from "./sealed-answer.js";

/**
 * One way out for all answers, with a gate for each reader: while one does not keep up, its answers wait and those of others go on. What was
 * under way when a gate is closed still comes through, at most a chunk of each answer.
 */
export class AnswerGates {
  readonly #sink: FrameSink;
  /** Who waits at closed gates. */
  readonly #held = new Map<AnswerReader, Set<() => void>>();

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  set(reader: AnswerReader, isHeld: boolean): void {
    const waiting = this.#held.get(reader);
    if (isHeld && waiting === undefined) this.#held.set(reader, new Set());
    if (isHeld || waiting === undefined) return;
    this.#held.delete(reader);
    for (const resolve of waiting) resolve();
  }

  /** The way out as answers of this reader see it. */
  sinkOf(reader: AnswerReader): FrameSink {
    const sink = this.#sink;
    const isHeld = (): boolean => this.#held.has(reader);
    return {
      sendWire: (frame) => sink.sendWire(frame),
      get congested() {
        return sink.congested || isHeld();
      },
      drained: async () => {
        do {
          await this.#opened(reader);
          await sink.drained();
        } while (isHeld());
      },
    };
  }

  #opened(reader: AnswerReader): Promise<void> {
    const waiting = this.#held.get(reader);
    return waiting === undefined ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve));
  }
}
