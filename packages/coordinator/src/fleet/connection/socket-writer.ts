import type { Clock } from "@umbel/protocol";
import { WRITER_LIMITS } from "../settings.js";

/** Where frames go. `done` is called when the frame has left for the network, or with the error that stopped it. */
export interface FrameSink {
  write(frame: Buffer | Uint8Array, kind: "text" | "binary", done: (error?: Error) => void): void;
  /** A frame could not be written, or not in time: end the connection at once. */
  abort(cause: "socket_error" | "write_timeout"): void;
}

export class WriteError extends Error {
  override readonly name = "WriteError";
  constructor(readonly code: "queue_full" | "closed" | "timeout" | "withdrawn") {
    super(`frame not written: ${code}`);
  }
}

/** Frames that are written without another between them. */
interface Batch {
  readonly frames: readonly (string | Uint8Array)[];
  readonly settle: (error?: WriteError) => void;
  state: "queued" | "started" | "ended";
}

interface Progress {
  readonly batch: Batch;
  readonly isBulk: boolean;
  /** Index of the frame to write next. */
  next: number;
}

/** A bulk write under way. */
export interface BulkWrite {
  /** Resolves when every frame has left. @throws WriteError */
  readonly written: Promise<void>;
  /** Takes the frames out of the queue if none has started; false if it is too late. */
  withdraw(): boolean;
}

/**
 * One writer per socket: a bounded first-in-first-out queue of request frames behind a short lane of control messages. One frame is
 * on its way at a time, each with a deadline by its size, so a peer that stops reading costs bounded memory and is found.
 */
export class SocketWriter {
  readonly #sink: FrameSink;
  readonly #clock: Clock;
  readonly #control: Batch[] = [];
  readonly #bulk: Batch[] = [];
  #bulkFrames = 0;
  #current: Progress | undefined;
  #cancelDeadline: (() => void) | undefined;
  #closed = false;

  constructor(sink: FrameSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Sends a small message ahead of all waiting requests. False when it cannot even be queued. */
  control(message: string): boolean {
    if (this.#closed || this.#control.length >= WRITER_LIMITS.controlFrames_max) return false;
    this.#control.push({ frames: [message], settle: () => undefined, state: "queued" });
    this.#pump();
    return true;
  }

  /** Queues the frames of one request, all or none. @throws WriteError `queue_full` or `closed`, at once. */
  bulk(frames: readonly (string | Uint8Array)[]): BulkWrite {
    if (this.#closed) throw new WriteError("closed");
    if (this.#bulkFrames + frames.length > WRITER_LIMITS.bulkFrames_max) throw new WriteError("queue_full");
    const { batch, written } = awaitedBatch(frames);
    this.#bulk.push(batch);
    this.#bulkFrames += frames.length;
    this.#pump();
    return { written, withdraw: () => this.#withdraw(batch) };
  }

  /** Rejects everything that waits. The socket itself is the owner's. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#fail(new WriteError("closed"));
  }

  #withdraw(batch: Batch): boolean {
    if (batch.state !== "queued") return false;
    this.#bulk.splice(this.#bulk.indexOf(batch), 1);
    this.#bulkFrames -= batch.frames.length;
    end(batch, new WriteError("withdrawn"));
    return true;
  }

  #pump(): void {
    if (this.#closed || this.#current) return;
    const urgent = this.#control.shift();
    const batch = urgent ?? this.#bulk.shift();
    if (!batch) return;
    batch.state = "started";
    this.#current = { batch, next: 0, isBulk: !urgent };
    this.#writeNext(this.#current);
  }

  #writeNext(current: Progress): void {
    const frame = current.batch.frames[current.next];
    if (frame === undefined) {
      this.#current = undefined;
      end(current.batch);
      this.#pump();
      return;
    }
    current.next += 1;
    const bytes = typeof frame === "string" ? Buffer.from(frame, "utf8") : frame;
    this.#cancelDeadline = this.#clock.setTimer(writeDeadline_ms(bytes.length), () => this.#timeOut(), "background");
    this.#sink.write(bytes, typeof frame === "string" ? "text" : "binary", (error) => this.#onWritten(current, error));
  }

  #onWritten(current: Progress, error?: Error): void {
    if (this.#closed) return;
    this.#cancelDeadline?.();
    if (current.isBulk) this.#bulkFrames -= 1;
    if (error) {
      this.close();
      this.#sink.abort("socket_error");
      return;
    }
    this.#writeNext(current);
  }

  #timeOut(): void {
    this.#closed = true;
    this.#fail(new WriteError("timeout"));
    this.#sink.abort("write_timeout");
  }

  #fail(error: WriteError): void {
    this.#cancelDeadline?.();
    if (this.#current) end(this.#current.batch, error);
    for (const batch of [...this.#control.splice(0), ...this.#bulk.splice(0)]) end(batch, error);
    this.#current = undefined;
    this.#bulkFrames = 0;
  }
}

/** Time one frame may take: its bytes at the slowest tolerated rate, within bounds. */
export function writeDeadline_ms(bytes: number): number {
  const { slowest_bytesPerSecond, deadline_ms_min, deadline_ms_max } = WRITER_LIMITS;
  return Math.min(deadline_ms_max, Math.max(deadline_ms_min, (bytes / slowest_bytesPerSecond) * 1000));
}

function awaitedBatch(frames: Batch["frames"]): { readonly batch: Batch; readonly written: Promise<void> } {
  let settle: Batch["settle"] = () => undefined;
  const written = new Promise<void>((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve());
  });
  return { batch: { frames, settle, state: "queued" }, written };
}

function end(batch: Batch, error?: WriteError): void {
  if (batch.state === "ended") return;
  batch.state = "ended";
  batch.settle(error);
}
