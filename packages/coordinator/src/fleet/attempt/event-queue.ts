import { ATTEMPT_BUFFER_LIMITS } from "../settings.js";
import type { AttemptEvent } from "../types.js";

/** Events that have been read are cut off in lots of this size, so that reading shifts nothing and a reader that lags holds nothing. */
const READ_LOT = 256;

/**
 * What one provider has said about one attempt and nobody has read yet: single reader, in order. It refuses to grow past
 * `ATTEMPT_BUFFER_LIMITS`; the owner then says so to the reader with an event that always fits.
 */
export class EventQueue {
  #events: AttemptEvent[] = [];
  /** Index of the next event. */
  #head = 0;
  #bytes = 0;
  #reader: { readonly resolve: (event: AttemptEvent) => void; readonly reject: (reason: unknown) => void } | undefined;
  #closed = false;

  /** How much waits of what may, from 0 to 1. */
  get fullness(): number {
    const waiting = this.#events.length - this.#head;
    return Math.max(waiting / ATTEMPT_BUFFER_LIMITS.events_max, this.#bytes / ATTEMPT_BUFFER_LIMITS.bytes_max);
  }

  /** Adds an event of `bytes` payload. False, and nothing is added, when the buffer is full. */
  offer(event: AttemptEvent, bytes: number): boolean {
    const waiting = this.#events.length - this.#head;
    if (waiting >= ATTEMPT_BUFFER_LIMITS.events_max || this.#bytes + bytes > ATTEMPT_BUFFER_LIMITS.bytes_max) return false;
    this.push(event);
    return true;
  }

  /** Adds an event whatever waits: for the few that end or interrupt an attempt. */
  push(event: AttemptEvent): void {
    if (this.#closed) return;
    const reader = this.#reader;
    if (reader) {
      this.#reader = undefined;
      reader.resolve(event);
      return;
    }
    this.#events.push(event);
    this.#bytes += payloadBytes(event);
  }

  poll(): AttemptEvent | undefined {
    const event = this.#events[this.#head];
    if (!event) return undefined;
    this.#head += 1;
    this.#bytes -= payloadBytes(event);
    if (this.#head === this.#events.length || this.#head === READ_LOT) {
      this.#events.splice(0, this.#head);
      this.#head = 0;
    }
    return event;
  }

  /** The next event. Rejects with the signal's reason when it is aborted; an event that comes later is kept for the next call. */
  next(signal?: AbortSignal): Promise<AttemptEvent> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const ready = this.poll();
    if (ready) return Promise.resolve(ready);
    if (this.#closed) return Promise.reject(new Error("the attempt was released; it has no further events"));
    if (this.#reader) return Promise.reject(new Error("an attempt has one reader at a time"));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#reader = undefined;
        reject(signal?.reason);
      };
      const detach = (): void => signal?.removeEventListener("abort", onAbort);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#reader = {
        resolve: (event) => {
          detach();
          resolve(event);
        },
        reject: (reason) => {
          detach();
          reject(reason);
        },
      };
    });
  }

  /** Forgets what waits and turns the reader away. */
  close(): void {
    this.#closed = true;
    this.#events = [];
    this.#head = 0;
    this.#bytes = 0;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.reject(new Error("the attempt was released; it has no further events"));
  }
}

function payloadBytes(event: AttemptEvent): number {
  return event.type === "chunk" ? event.ciphertext.length : 0;
}
