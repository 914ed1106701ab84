import type { Clock } from "@umbel/protocol";

/** Questions to a worker that wait for their answers. */
export class PendingAnswers<Answer> {
  readonly #clock: Clock;
  readonly #wait_ms: number;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #nextId = 1;

  constructor(clock: Clock, wait_ms: number) {
    this.#clock = clock;
    this.#wait_ms = wait_ms;
  }

  /** Undefined when no answer comes in time, or none can come any more. */
  ask(send: (id: number) => void): Promise<Answer | undefined> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(this.#wait_ms, () => this.answer(id, undefined), "background");
      this.#waiting.set(id, (answer) => {
        cancel();
        resolve(answer);
      });
      send(id);
    });
  }

  answer(id: number, answer: Answer | undefined): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(answer);
  }

  /** Whoever was asked is gone. */
  lost(): void {
    for (const id of [...this.#waiting.keys()]) this.answer(id, undefined);
  }
}
