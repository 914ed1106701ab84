import { type ChatEvent, CodecError, decodeEvents } from "@umbel/dialects";
import { type ChunkOpener, EnvelopeError, fromBase64, type InferenceComplete } from "@umbel/protocol";
import type { Attempt, AttemptEvent } from "../../fleet/index.js";
import type { AttemptFailure } from "./failure.js";

/** What comes from a provider for one attempt, opened. After `complete`, `failed` or `overflow` nothing follows. */
export type AttemptSignal =
  | { readonly type: "phase"; readonly phase: "queued" | "loading" | "prefilling"; readonly progress: number | undefined }
  | { readonly type: "events"; readonly events: readonly ChatEvent[] }
  | { readonly type: "complete"; readonly message: InferenceComplete; readonly receiptValid: boolean }
  | { readonly type: "failed"; readonly failure: AttemptFailure }
  /** The consumer reads so slowly that more is waiting than may be kept. */
  | { readonly type: "overflow" };

/** Events handed on at once when many chunks are waiting: enough to make one write worth it, few enough to keep memory flat. */
const BATCH_EVENTS_max = 512;

/** An attempt seen through its envelope: chunks opened and decoded, violations reported. One reader at a time. */
export interface OpenedAttempt {
  readonly attempt: Attempt;
  /** The next signal; chunks that arrived together come as one batch. Rejects with the signal's reason when aborted, losing nothing. */
  next(signal: AbortSignal): Promise<AttemptSignal>;
  /** Makes `next` yield this once more. */
  putBack(signal: AttemptSignal): void;
  /** The next terminal, chunks unopened and unread: for an answer that nobody waits for any more. Rejects once the attempt is released. */
  terminal(): Promise<Exclude<AttemptSignal, { type: "phase" | "events" }>>;
}

/** @param createOpener makes the opener once the provider has said its nonce */
export function openAttempt(attempt: Attempt, createOpener: (responseNonce: Uint8Array) => Promise<ChunkOpener>): OpenedAttempt {
  let nonce: string | undefined;
  let opener: ChunkOpener | undefined;
  let returned: AttemptSignal | undefined;
  /** Taken from the attempt while batching, and due next. */
  let unread: AttemptEvent | undefined;

  async function take(signal?: AbortSignal): Promise<AttemptEvent> {
    const event = unread ?? attempt.poll();
    unread = undefined;
    return event ?? attempt.next(signal);
  }

  async function accept(message: Extract<AttemptEvent, { type: "accepted" }>["message"]): Promise<AttemptSignal> {
    if (nonce !== undefined && nonce !== message.response_nonce) return violation("nonce_changed");
    if (opener === undefined) {
      nonce = message.response_nonce;
      try {
        opener = await createOpener(fromBase64(nonce));
      } catch (error) {
        if (error instanceof EnvelopeError) return violation("nonce_invalid");
        throw error;
      }
    }
    return { type: "phase", phase: message.phase, progress: message.progress };
  }

  async function openBatch(first: Extract<AttemptEvent, { type: "chunk" }>): Promise<AttemptSignal> {
    if (opener === undefined) return violation("chunk_before_accepted");
    const events: ChatEvent[] = [];
    for (let event: AttemptEvent | undefined = first; event !== undefined; event = attempt.poll()) {
      if (event.type !== "chunk") {
        unread = event;
        break;
      }
      try {
        // Awaited only where it has to be: the native supplier opens at once.
        const opening = opener.open(event.sequence, event.ciphertext);
        const { plaintext } = opening instanceof Promise ? await opening : opening;
        events.push(...decodeEvents(plaintext));
      } catch (error) {
        if (!(error instanceof EnvelopeError || error instanceof CodecError)) throw error;
        const failed = violation(`chunk_${error.code}`);
        if (events.length === 0) return failed;
        returned = failed;
        break;
      }
      if (events.length >= BATCH_EVENTS_max) break;
    }
    return { type: "events", events };
  }

  function complete(event: Extract<AttemptEvent, { type: "complete" }>): AttemptSignal {
    // The final mark is inside the seal: without it somebody cut the answer short.
    if (opener?.ended !== true) return violation("answer_truncated");
    return event;
  }

  function violation(reason: string): AttemptSignal {
    attempt.reportViolation(reason);
    return { type: "failed", failure: { failure: "protocol_violation" } };
  }

  return {
    attempt,
    async next(signal) {
      if (returned !== undefined) {
        const again = returned;
        returned = undefined;
        return again;
      }
      const event = await take(signal);
      if (event.type === "accepted") return accept(event.message);
      if (event.type === "chunk") return openBatch(event);
      return event.type === "complete" ? complete(event) : ended(event);
    },
    putBack(signal) {
      returned = signal;
    },
    async terminal() {
      if (returned !== undefined && returned.type !== "phase" && returned.type !== "events") return returned;
      for (;;) {
        const event = await take();
        if (event.type === "complete") return event;
        if (event.type !== "accepted" && event.type !== "chunk") return ended(event);
      }
    },
  };
}

function ended(
  event: Extract<AttemptEvent, { type: "error" | "lost" | "overflow" }>,
): Extract<AttemptSignal, { type: "failed" | "overflow" }> {
  switch (event.type) {
    case "overflow":
      return { type: "overflow" };
    case "lost":
      return { type: "failed", failure: { failure: event.reason } };
    case "error":
      return {
        type: "failed",
        failure: { failure: event.errorClass, param: event.param, needed: event.needed, available: event.available },
      };
  }
}
