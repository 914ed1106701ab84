import {
  createDigestChain,
  type DigestChain,
  encodeFrame,
  FrameKind,
  type InferenceAccepted,
  type InferenceComplete,
  type InferenceError,
  type InferenceRequest,
  type RequestId,
  toHex,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import type { AttemptOutcome, Decision, Placed } from "@umbel/routing";
import { type BulkWrite, WriteError } from "../connection/socket-writer.js";
import { ATTEMPT_FLOW } from "../settings.js";
import type { Attempt, AttemptEvent, ServingProvider } from "../types.js";
import { EventQueue } from "./event-queue.js";
import type { RelayedAnswer } from "./receipt-check.js";

/** What an attempt needs from the session that it runs on. */
export interface AttemptHost {
  /** Queues the frames of the request. @throws WriteError when the socket cannot take them. */
  write(frames: readonly (string | Uint8Array)[]): BulkWrite;
  /** Numbers the request, which is about to be queued. */
  numbered(attempt: LiveAttempt): number;
  /** Asks the provider to stop. Best effort. */
  cancelRequest(requestId: RequestId): void;
  /** Asks the provider to let the answer wait, or go on. False when it cannot. */
  holdAnswer(requestId: RequestId, held: boolean): boolean;
  /** Whether a terminal's receipt fits what was relayed. Never rejects. */
  checkReceipt(message: InferenceComplete, relayed: RelayedAnswer): Promise<boolean>;
  violate(reason: string): void;
  overflowed(): void;
  /** What the attempt says of the machine that served it; told once. */
  judged(attempt: LiveAttempt, outcome: AttemptOutcome): void;
  /** Its first content came so long after it was sent. Told once. */
  showedContent(attempt: LiveAttempt, wait_ms: number): void;
  /** Monotonic time. */
  now_ms(): number;
  /** The place is free again. `silenced` tells that the provider may still send for this request. */
  released(attempt: LiveAttempt, provider: "silenced" | "may_still_send"): void;
}

/** The place that is reserved: what it counts for in the pending ledger, and what a receipt must name. */
export interface Reservation {
  readonly requestId: RequestId;
  readonly build: string;
  readonly weightHash: string;
  readonly needsTools: boolean;
  /** Monotonic. */
  readonly began_ms: number;
  readonly promptTokens: number;
  readonly placed: Placed;
  readonly decision: Decision;
}

/** How a frame about an attempt was taken. A violation is the provider's; the session acts on it. */
export type Intake = "taken" | "after_terminal" | { readonly violation: string };

/** One reserved place on one session, and everything the provider says about it. */
export class LiveAttempt implements Attempt {
  readonly provider: ServingProvider;
  readonly reservation: Reservation;
  readonly #host: AttemptHost;
  readonly #queue = new EventQueue();
  readonly #digest: DigestChain;
  /** `withdrawn` never reached the provider; `terminal` has heard the provider's last word; `lost` has not and will not. */
  #phase: "reserved" | "sent" | "withdrawn" | "terminal" | "lost" = "reserved";
  #write: BulkWrite | undefined;
  #sentAt_ms: number | undefined;
  #requestDigest = "";
  #nonce: string | undefined;
  #chunks = 0;
  #isHeld = false;
  #isOverflown = false;
  #isCancelled = false;
  #isJudged = false;
  #isRead = false;
  #isReleased = false;

  constructor(reservation: Reservation, provider: ServingProvider, host: AttemptHost) {
    this.reservation = reservation;
    this.provider = provider;
    this.#host = host;
    this.#digest = createDigestChain(reservation.requestId, nativeCrypto.sha256);
  }

  get requestId(): RequestId {
    return this.reservation.requestId;
  }

  get decision(): Decision {
    return this.reservation.decision;
  }

  /** Whether the provider has the request, or is being sent it, and owes a terminal. */
  get isOpen(): boolean {
    return this.#phase === "sent";
  }

  async send(request: InferenceRequest, sealedBody: Uint8Array): Promise<void> {
    if (this.#phase === "lost") throw new WriteError("closed");
    if (this.#phase !== "reserved") throw new Error("an attempt is sent once");
    this.#requestDigest = toHex(nativeCrypto.sha256(sealedBody));
    const body = encodeFrame({ kind: FrameKind.requestBody, requestId: this.requestId, sequence: 0, payload: sealedBody });
    try {
      const ordinal = this.#host.numbered(this);
      this.#write = this.#host.write([JSON.stringify({ ...request, ordinal }), body]);
    } catch (error) {
      this.#judge("send_failed");
      throw error;
    }
    this.#phase = "sent";
    this.#sentAt_ms = this.#host.now_ms();
    await this.#write.written;
  }

  next(signal?: AbortSignal): Promise<AttemptEvent> {
    const event = this.#queue.next(signal);
    this.#letGoOn();
    return event;
  }

  poll(): AttemptEvent | undefined {
    const event = this.#queue.poll();
    this.#letGoOn();
    return event;
  }

  cancel(): void {
    if (this.#phase !== "sent" || this.#isCancelled) return;
    this.#isCancelled = true;
    if (!this.#withdraw()) this.#host.cancelRequest(this.requestId);
  }

  reportViolation(reason: string): void {
    this.#host.violate(reason);
  }

  reportContent(): void {
    if (this.#sentAt_ms === undefined || this.#isRead) return;
    this.#isRead = true;
    this.#host.showedContent(this, this.#host.now_ms() - this.#sentAt_ms);
  }

  reportTimeout(): void {
    this.#judge("timeout");
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.cancel();
    this.#judge("neutral");
    this.#queue.close();
    this.#host.released(this, this.#phase === "sent" || this.#phase === "lost" ? "may_still_send" : "silenced");
  }

  accept(message: InferenceAccepted): Intake {
    if (this.#phase !== "sent") return "after_terminal";
    if (this.#nonce !== undefined && this.#nonce !== message.response_nonce) return { violation: "response nonce changed" };
    this.#nonce = message.response_nonce;
    this.#offer({ type: "accepted", message }, 0);
    return "taken";
  }

  /** Takes a chunk in order. The digest covers it even when the reader no longer does, so that a receipt can still be checked. */
  chunk(sequence: number, ciphertext: Uint8Array): Intake {
    if (this.#phase !== "sent") return "after_terminal";
    if (this.#nonce === undefined) return { violation: "chunk before acceptance" };
    if (sequence !== this.#chunks) return { violation: "chunk out of sequence" };
    this.#chunks += 1;
    this.#digest.update(ciphertext);
    this.#offer({ type: "chunk", sequence, ciphertext }, ciphertext.length);
    return "taken";
  }

  /** Takes the terminal of an answer. The receipt is checked aside; frames of other requests do not wait for it. */
  complete(message: InferenceComplete): Intake {
    if (this.#phase !== "sent") return "after_terminal";
    if (this.#nonce === undefined) return { violation: "completion before acceptance" };
    this.#phase = "terminal";
    void this.#deliverCompletion(message);
    return "taken";
  }

  fail(message: InferenceError): Intake {
    if (this.#phase !== "sent") return "after_terminal";
    this.#phase = "terminal";
    this.#judge(message.error_class);
    const { error_class: errorClass, param, needed, available } = message;
    this.#queue.push({ type: "error", errorClass, param, needed, available });
    return "taken";
  }

  /** Ends the attempt without the provider's word. Nothing happens when the terminal has been heard. */
  lose(reason: "disconnected" | "protocol_violation", outcome: AttemptOutcome): void {
    if (this.#phase !== "reserved" && this.#phase !== "sent") return;
    this.#phase = "lost";
    this.#judge(outcome);
    this.#queue.push({ type: "lost", reason });
  }

  async #deliverCompletion(message: InferenceComplete): Promise<void> {
    const { requestId, build, weightHash } = this.reservation;
    const receiptValid = await this.#host.checkReceipt(message, {
      requestId,
      buildId: build,
      weightHash,
      chunks: this.#chunks,
      requestDigest: this.#requestDigest,
      responseDigest: this.#digest.digest(),
    });
    this.#judge(receiptValid ? "success" : "protocol_violation");
    this.#queue.push({ type: "complete", message, receiptValid });
  }

  #offer(event: AttemptEvent, bytes: number): void {
    if (this.#isOverflown || this.#isReleased) return;
    if (this.#queue.offer(event, bytes)) {
      if (!this.#isHeld && this.#queue.fullness >= ATTEMPT_FLOW.hold) this.#isHeld = this.#host.holdAnswer(this.requestId, true);
      return;
    }
    this.#isOverflown = true;
    this.#queue.push({ type: "overflow" });
    this.#host.overflowed();
    this.cancel();
  }

  /** The reader has caught up. */
  #letGoOn(): void {
    if (!this.#isHeld || this.#queue.fullness > ATTEMPT_FLOW.goOn) return;
    this.#isHeld = false;
    if (this.#phase === "sent" && !this.#isCancelled) this.#host.holdAnswer(this.requestId, false);
  }

  /** Takes back a request that has not begun to leave: then no provider will end it, so it ends here. */
  #withdraw(): boolean {
    if (!this.#write?.withdraw()) return false;
    this.#phase = "withdrawn";
    this.#judge("neutral");
    this.#queue.push({ type: "error", errorClass: "cancelled", param: undefined, needed: undefined, available: undefined });
    return true;
  }

  #judge(outcome: AttemptOutcome): void {
    if (this.#isJudged) return;
    this.#isJudged = true;
    this.#host.judged(this, outcome);
  }
}
