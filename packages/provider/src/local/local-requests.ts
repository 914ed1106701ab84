import { type ChatEvent, type ChatRequest, CodecError, decodeEvents } from "@umbel/dialects";
import { type ChunkOpener, type Clock, decodeFrame, EnvelopeError, fromBase64, type RequestId, WIRE_LIMITS } from "@umbel/protocol";
import { createEventQueue, type EventQueue } from "../engine/event-queue.js";
import type { FromWorker, ToWorker } from "../worker/pipe-messages.js";
import { LOCAL_LIMITS } from "./limits.js";
import { localError, notReadFastEnough, notReady, resting, tooLarge } from "./local-error.js";
import { sealForWorker } from "./sealed-request.js";

type Forwarded = Extract<FromWorker, { type: "forward" }>["message"];

/** The worker that answers. */
export interface WorkerPort {
  /** Undefined while there is none. */
  readonly ready: { readonly encryption_key: string } | undefined;
  readonly isCongested: boolean;
  send(message: ToWorker): void;
  sendFrame(frame: Uint8Array): void;
  /** Resolves when it takes more, or is gone. */
  drained(): Promise<void>;
}

/** One request of a program on this machine. */
export interface LocalRequest {
  /** `model` is the build's id. */
  readonly chat: ChatRequest;
  /** The most that an answer may have, where the request itself sets no bound, or a lower one. */
  readonly outputTokens_max: number;
  /** Estimate. */
  readonly promptTokens: number;
  /** Within which beginnings of prompts are remembered. */
  readonly cacheScope: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface LocalAnswer {
  /** Batches of events as they come. Throws ApiError; ends without one only after a whole answer. Leaving the loop cancels. */
  readonly batches: AsyncIterable<readonly ChatEvent[]>;
  /** Signed by this machine; there once the answer has ended. */
  receipt(): string | undefined;
}

type Signal =
  | { readonly type: "message"; readonly message: Forwarded }
  | { readonly type: "chunk"; readonly sequence: number; readonly payload: Uint8Array }
  | { readonly type: "lost" | "late" }
  | { readonly type: "overflow" };

interface Entry {
  readonly queue: EventQueue<Signal>;
  unread_bytes: number;
  /** By the wall clock, in milliseconds of the epoch. */
  readonly deadline: number;
}

/**
 * The requests of programs on this machine: sealed to the worker's key, answers opened as they are read. What a reader has not taken stays
 * sealed, and bounded.
 */
export class LocalRequests {
  readonly #worker: WorkerPort;
  readonly #newId: () => RequestId;
  readonly #clock: Clock;
  readonly #entries = new Map<RequestId, Entry>();
  #running = 0;
  #isDraining = false;
  #isResting = false;
  #onIdle: (() => void)[] = [];

  constructor(worker: WorkerPort, newId: () => RequestId, clock: Clock) {
    this.#worker = worker;
    this.#newId = newId;
    this.#clock = clock;
  }

  get inFlight(): number {
    return this.#running;
  }

  ask(request: LocalRequest): LocalAnswer {
    let receipt: string | undefined;
    return {
      batches: this.#answer(request, (signed) => {
        receipt = signed;
      }),
      receipt: () => receipt,
    };
  }

  onForward(message: Forwarded): void {
    this.#entries.get(message.request_id)?.queue.push({ type: "message", message });
    if (message.type !== "inference_accepted") this.#entries.delete(message.request_id);
  }

  onFrame(bytes: Uint8Array): void {
    const { requestId, sequence, payload } = decodeFrame(bytes);
    const entry = this.#entries.get(requestId);
    if (entry === undefined) return;
    entry.unread_bytes += payload.length;
    const fits = entry.unread_bytes <= LOCAL_LIMITS.unread_bytes_max;
    entry.queue.push(fits ? { type: "chunk", sequence, payload } : { type: "overflow" });
    if (fits) return;
    this.#cancel(requestId);
    entry.queue.end();
  }

  /** The worker is gone with everything it was doing. */
  onWorkerLost(): void {
    const lost = [...this.#entries.values()];
    this.#entries.clear();
    for (const { queue } of lost) queue.push({ type: "lost" });
  }

  /** The machine slept: what should have been over meanwhile is ended; nobody is likely to wait for it. */
  onWake(): void {
    const now = this.#clock.date().getTime();
    for (const [id, { deadline, queue }] of [...this.#entries]) {
      if (deadline > now) continue;
      queue.push({ type: "late" });
      this.#cancel(id);
    }
  }

  /** From now on requests are refused. Resolves when none is under way. */
  drain(): Promise<void> {
    this.#isDraining = true;
    return this.whenIdle();
  }

  /** Requests are refused for as long as the machine rests; what runs goes on. */
  rest(isResting: boolean): void {
    this.#isResting = isResting;
  }

  /** Resolves when no request is under way. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
      this.#checkIdle();
    });
  }

  /** Asks the worker to stop what is under way; answers that have begun end with what there is of them. */
  cancelAll(): void {
    for (const id of this.#entries.keys()) this.#worker.send({ type: "cancel", request_id: id });
  }

  async *#answer(request: LocalRequest, onReceipt: (receipt: string) => void): AsyncGenerator<readonly ChatEvent[], void> {
    if (this.#isDraining) throw localError("draining");
    if (this.#isResting) throw resting();
    this.#running++;
    try {
      yield* this.#run(request, onReceipt);
    } finally {
      this.#running--;
      this.#checkIdle();
    }
  }

  async *#run(request: LocalRequest, onReceipt: (receipt: string) => void): AsyncGenerator<readonly ChatEvent[], void> {
    const { ready } = this.#worker;
    if (ready === undefined) throw notReady();
    const id = this.#newId();
    const sealed = await sealForWorker(id, request, ready.encryption_key).catch(asTooLarge);
    if (this.#worker.isCongested) await this.#worker.drained();
    request.signal.throwIfAborted();
    if (this.#worker.ready?.encryption_key !== ready.encryption_key) throw localError("engine_crash");
    const queue = createEventQueue<Signal>(() => undefined);
    const entry: Entry = { queue, unread_bytes: 0, deadline: this.#clock.date().getTime() + LOCAL_LIMITS.deadline_ms };
    const leave = (): void => {
      this.#cancel(id);
      queue.end();
    };
    this.#entries.set(id, entry);
    request.signal.addEventListener("abort", leave, { once: true });
    try {
      this.#worker.send({ type: "inference_request", request: sealed.message, reader: "machine" });
      this.#worker.sendFrame(sealed.body);
      yield* this.#open(entry, sealed.createOpener, onReceipt);
    } finally {
      request.signal.removeEventListener("abort", leave);
      this.#cancel(id);
    }
    request.signal.throwIfAborted();
  }

  /** Ends when the worker has said that the answer is complete, or the queue was ended. */
  async *#open(
    entry: Entry,
    createOpener: (responseNonce: Uint8Array) => Promise<ChunkOpener>,
    onReceipt: (receipt: string) => void,
  ): AsyncGenerator<readonly ChatEvent[], void> {
    let opener: ChunkOpener | undefined;
    for await (const signal of entry.queue.events) {
      switch (signal.type) {
        case "chunk":
          entry.unread_bytes -= signal.payload.length;
          yield await eventsOf(signal, opener);
          break;
        case "message": {
          const { message } = signal;
          if (message.type === "inference_accepted") {
            opener ??= await createOpener(fromBase64(message.response_nonce));
            break;
          }
          if (message.type === "inference_error") throw localError(message.error_class, message);
          // The final mark is inside the seal: without it the answer was cut short.
          if (opener?.ended !== true) throw localError("internal");
          onReceipt(message.receipt);
          return;
        }
        case "lost":
          throw localError("engine_crash");
        case "late":
          throw localError("timeout");
        case "overflow":
          throw notReadFastEnough();
      }
    }
  }

  /** Forgets a request, and tells the worker if it is still at it. */
  #cancel(id: RequestId): void {
    if (!this.#entries.delete(id)) return;
    this.#worker.send({ type: "cancel", request_id: id });
  }

  #checkIdle(): void {
    if (this.#running > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

async function eventsOf({ sequence, payload }: Extract<Signal, { type: "chunk" }>, opener: ChunkOpener | undefined): Promise<ChatEvent[]> {
  if (opener === undefined) throw localError("internal");
  try {
    return decodeEvents((await opener.open(sequence, payload)).plaintext);
  } catch (error) {
    throw error instanceof EnvelopeError || error instanceof CodecError ? localError("internal") : error;
  }
}

function asTooLarge(error: unknown): never {
  if (error instanceof CodecError && error.code === "too_large") throw tooLarge(WIRE_LIMITS.requestBody_bytes_max);
  throw error;
}
