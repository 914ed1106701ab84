import { type ChatEvent, isContent } from "@umbel/dialects";
import type { DispatchEvent } from "@umbel/routing";
import type { Attempt } from "../../fleet/index.js";
import type { Hold } from "../settle/hold.js";
import type { AttemptFailure } from "./failure.js";
import type { AttemptSignal, OpenedAttempt } from "./opened-attempt.js";

/** Seals the request to an attempt's machine. */
export type Open = (
  attempt: Attempt,
  terms: { readonly number: number; readonly deadline_ms: number },
) => Promise<
  | { readonly opened: OpenedAttempt; readonly send: () => Promise<void> }
  /** The consumer has not as much as the machine may cost. */
  | "unaffordable"
>;

/** Opens only what the request's money is enough for. */
export function affordable(open: Open, hold: Pick<Hold, "affords">): Open {
  return async (attempt, terms) => ((await hold.affords(terms.number, attempt.provider)) ? open(attempt, terms) : "unaffordable");
}

/** One machine that tries to answer, and what it has said so far. The only reader of its attempt until it has won. */
export class RacerRun {
  /** Everything that it said before it won, in order; shown first. */
  readonly held: ChatEvent[] = [];
  /** What it said of its own failure, for the consumer's message. */
  failure: AttemptFailure | undefined;
  opened: OpenedAttempt | undefined;
  /** Ends whatever reads from it. */
  readonly stop = new AbortController();
  #hasWon = false;

  constructor(
    readonly number: number,
    readonly attempt: Attempt,
  ) {}

  /** Its place is given back, and nobody reads from it any more. */
  release(): void {
    this.stop.abort();
    this.attempt.release();
  }

  /** It has won: from here on others read. */
  won(): void {
    this.#hasWon = true;
  }

  /**
   * Sends the request and tells what comes back, up to the first content.
   *
   * @param tell may make this racer the winner, or end it, before it returns
   * @throws what is nobody's fault but ours, e.g. an error of sealing; not once it has been stopped
   */
  async run(deadline_ms: number, open: Open, tell: (event: DispatchEvent) => void): Promise<void> {
    const { number: racer } = this;
    try {
      const opening = await open(this.attempt, { number: racer, deadline_ms });
      if (this.stop.signal.aborted) return;
      if (opening === "unaffordable") return tell({ type: "failed", racer, failure: "unaffordable" });
      const { opened, send } = opening;
      this.opened = opened;
      if (!(await succeeds(send()))) tell({ type: "failed", racer, failure: "send_failed" });
      while (!this.#hasWon && !this.stop.signal.aborted) tell(this.#hear(await opened.next(this.stop.signal), opened));
    } catch (error) {
      if (!this.stop.signal.aborted) throw error;
    }
  }

  #hear(signal: AttemptSignal, opened: OpenedAttempt): DispatchEvent {
    const { number: racer } = this;
    switch (signal.type) {
      case "phase": {
        const { phase, progress } = signal;
        return { type: "accepted", racer, phase, ...(progress === undefined ? {} : { progress }) };
      }
      case "events":
        this.held.push(...signal.events);
        if (!signal.events.some(isContent)) return { type: "preamble", racer, events: signal.events.length };
        this.attempt.reportContent();
        return { type: "content", racer };
      case "complete":
        // It wins by content, and its end is read by whoever shows it.
        opened.putBack(signal);
        return { type: "content", racer };
      case "failed":
        this.failure = signal.failure;
        return { type: "failed", racer, failure: signal.failure.failure };
      case "overflow":
        return { type: "overflow", racer };
    }
  }
}

function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
