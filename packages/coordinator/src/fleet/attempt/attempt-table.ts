import type { Frame, FromProvider, RequestId } from "@umbel/protocol";
import type { Intake, LiveAttempt } from "./live-attempt.js";

/** Requests given up before their terminal that one session remembers. */
export const UNFINISHED_REQUESTS_MAX = 1024;

type AttemptMessage = Extract<FromProvider, { type: "inference_accepted" | "inference_complete" | "inference_error" }>;

/** What became of a frame; `unknown` belongs to no attempt of this session. */
export type Routed = Intake | "unknown";

/** The attempts on one session, and which frame belongs to which. */
export class AttemptTable {
  readonly #attempts = new Map<RequestId, LiveAttempt>();
  /** Given up, while the provider may still send for them: frames of a second attempt could not be told from theirs. */
  readonly #unfinished = new Map<RequestId, LiveAttempt>();

  /** Whether a new attempt for the request would be mixed up with one that was given up or is under way. */
  blocks(requestId: RequestId): boolean {
    return this.#attempts.has(requestId) || this.#unfinished.has(requestId);
  }

  add(attempt: LiveAttempt): void {
    this.#attempts.set(attempt.requestId, attempt);
  }

  remove(attempt: LiveAttempt, provider: "silenced" | "may_still_send"): void {
    this.#attempts.delete(attempt.requestId);
    if (provider === "silenced") return;
    this.#unfinished.set(attempt.requestId, attempt);
    if (this.#unfinished.size > UNFINISHED_REQUESTS_MAX) {
      const [oldest] = this.#unfinished.keys();
      if (oldest !== undefined) this.#unfinished.delete(oldest);
    }
  }

  message(message: AttemptMessage): Routed {
    const attempt = this.#attempts.get(message.request_id);
    if (!attempt) {
      if (message.type !== "inference_accepted") this.#unfinished.delete(message.request_id);
      return "unknown";
    }
    switch (message.type) {
      case "inference_accepted":
        return attempt.accept(message);
      case "inference_complete":
        return attempt.complete(message);
      case "inference_error":
        return attempt.fail(message);
    }
  }

  /** The attempt at a request, though it may have been given up: whose last word would be heard. */
  owing(requestId: RequestId): LiveAttempt | undefined {
    return this.#attempts.get(requestId) ?? this.#unfinished.get(requestId);
  }

  chunk(frame: Frame): Routed {
    return this.#attempts.get(frame.requestId)?.chunk(frame.sequence, frame.payload) ?? "unknown";
  }

  get(requestId: string): LiveAttempt | undefined {
    return this.#attempts.get(requestId as RequestId);
  }

  /** Attempts whose provider owes a terminal. */
  open(): LiveAttempt[] {
    return [...this.#attempts.values()].filter((attempt) => attempt.isOpen);
  }

  all(): LiveAttempt[] {
    return [...this.#attempts.values()];
  }
}
