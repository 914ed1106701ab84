import type { Duplex } from "node:stream";
import { fromUtf8, WIRE_LIMITS } from "@umbel/protocol";

/** Bounds of one pipe frame. Control holds manifests of every model to load; wire frames are bounded as on the socket. */
export const PIPE_LIMITS = { control_bytes_max: 16 * 1024 * 1024, wire_bytes_max: WIRE_LIMITS.frameToProvider_bytes_max } as const;

/** What a pipe frame holds: a JSON control message, or a binary frame of the wire format, unchanged. */
export const PipeKind = { control: 0, wire: 1 } as const;
export type PipeKind = (typeof PipeKind)[keyof typeof PipeKind];

/** `u32 length of the bytes · u8 kind · bytes`, big-endian. */
export const PIPE_HEADER_BYTES = 5;
/** Below this a frame is copied into one buffer, which costs less than a vector of two. */
const copied_bytes_max = 16 * 1024;

export type PipeErrorCode = "oversized" | "unknown_kind" | "malformed";

/** The peer sent what is not a frame, or a frame to send is too large. Carries no content. */
export class PipeError extends Error {
  override readonly name = "PipeError";
  constructor(readonly code: PipeErrorCode) {
    super(`pipe frame refused: ${code}`);
  }
}

/**
 * Cuts a byte stream into frames. Bytes of a frame that lies whole in one chunk are a view of it; a frame that spans chunks is gathered
 * once into a buffer of its own. Throws PipeError; the stream is unusable after that.
 */
export function createPipeDecoder(onFrame: (kind: PipeKind, bytes: Uint8Array) => void): (chunk: Uint8Array) => void {
  const header = new Uint8Array(PIPE_HEADER_BYTES);
  let headerFilled = 0;
  let body: Uint8Array | undefined;
  let bodyFilled = 0;
  let kind: PipeKind = PipeKind.control;

  return (chunk) => {
    let offset = 0;
    while (offset < chunk.length) {
      if (body === undefined) {
        const taken = Math.min(PIPE_HEADER_BYTES - headerFilled, chunk.length - offset);
        header.set(chunk.subarray(offset, offset + taken), headerFilled);
        headerFilled += taken;
        offset += taken;
        if (headerFilled < PIPE_HEADER_BYTES) return;
        headerFilled = 0;
        kind = kindOf(header[4]);
        const length = checkedLength(new DataView(header.buffer).getUint32(0), kind);
        if (chunk.length - offset >= length) {
          onFrame(kind, chunk.subarray(offset, offset + length));
          offset += length;
          continue;
        }
        body = Buffer.allocUnsafeSlow(length);
        bodyFilled = 0;
      }
      const taken = Math.min(body.length - bodyFilled, chunk.length - offset);
      body.set(chunk.subarray(offset, offset + taken), bodyFilled);
      bodyFilled += taken;
      offset += taken;
      if (bodyFilled < body.length) return;
      const whole = body;
      body = undefined;
      onFrame(kind, whole);
    }
  };
}

function kindOf(byte: number | undefined): PipeKind {
  if (byte !== PipeKind.control && byte !== PipeKind.wire) throw new PipeError("unknown_kind");
  return byte;
}

function checkedLength(length: number, kind: PipeKind): number {
  if (length > (kind === PipeKind.control ? PIPE_LIMITS.control_bytes_max : PIPE_LIMITS.wire_bytes_max)) throw new PipeError("oversized");
  return length;
}

export interface PipeHandlers<Incoming> {
  /** Checks a decoded control message; throws when it is not one. */
  readonly parse: (value: unknown) => Incoming;
  readonly onControl: (message: Incoming) => void;
  /** A binary wire frame; may be a view of the received chunk. */
  readonly onWire: (frame: Uint8Array) => void;
  /** Called once: the peer is gone (no error), or it sent something that is no frame. */
  readonly onClose: (error: PipeError | undefined) => void;
}

/** One end of the pipe between agent and worker. Everything written in one tick leaves in one system call. */
export interface Pipe<Outgoing> {
  /** Throws PipeError `oversized`. After the peer is gone it does nothing. */
  sendControl(message: Outgoing): void;
  /** The frame must not change afterwards. Throws PipeError `oversized`; after the peer is gone it does nothing. */
  sendWire(frame: Uint8Array): void;
  /** Whether the peer reads more slowly than this end writes; wait for `drained` before writing more. */
  readonly congested: boolean;
  /** Resolves when the pipe takes more, or is closed. */
  drained(): Promise<void>;
  /** Stops and restarts reading, so that the peer feels the back-pressure of what stands behind this end. */
  pause(): void;
  resume(): void;
  /** Ends the pipe. Resolves when what was written has left, or cannot any more. */
  end(): Promise<void>;
}

export function openPipe<Incoming, Outgoing>(stream: Duplex, handlers: PipeHandlers<Incoming>): Pipe<Outgoing> {
  let isClosed = false;
  let isCorked = false;
  const waiting = new Set<() => void>();

  const decode = createPipeDecoder((kind, bytes) => {
    if (isClosed) return;
    if (kind === PipeKind.wire) handlers.onWire(bytes);
    else handlers.onControl(parseControl(bytes, handlers.parse));
  });

  stream.on("data", (chunk: Buffer) => {
    try {
      decode(chunk);
    } catch (error) {
      if (!(error instanceof PipeError)) throw error;
      close(error);
    }
  });
  stream.on("drain", release);
  stream.on("end", () => close(undefined));
  stream.on("error", () => close(undefined));
  stream.on("close", () => close(undefined));

  function close(error: PipeError | undefined): void {
    if (isClosed) return;
    isClosed = true;
    stream.destroy();
    release();
    handlers.onClose(error);
  }

  function release(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  function write(kind: PipeKind, bytes: Uint8Array): void {
    const { length } = bytes;
    checkedLength(length, kind);
    if (isClosed || !stream.writable) return;
    const isCopied = length <= copied_bytes_max;
    const head = Buffer.allocUnsafe(PIPE_HEADER_BYTES + (isCopied ? length : 0));
    head.writeUInt32BE(length, 0);
    head[4] = kind;
    if (isCopied) head.set(bytes, PIPE_HEADER_BYTES);
    corkForThisTick();
    stream.write(head);
    if (!isCopied) stream.write(bytes);
  }

  function corkForThisTick(): void {
    if (isCorked) return;
    isCorked = true;
    stream.cork();
    process.nextTick(() => {
      isCorked = false;
      stream.uncork();
    });
  }

  return {
    sendControl: (message) => write(PipeKind.control, Buffer.from(JSON.stringify(message))),
    sendWire: (frame) => write(PipeKind.wire, frame),
    get congested() {
      return !isClosed && stream.writableNeedDrain;
    },
    drained: () => (isClosed || !stream.writableNeedDrain ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    end: () => new Promise((resolve) => (isClosed ? resolve() : stream.end(resolve))),
  };
}

function parseControl<Incoming>(bytes: Uint8Array, parse: (value: unknown) => Incoming): Incoming {
  try {
    return parse(JSON.parse(fromUtf8(bytes)));
  } catch {
    throw new PipeError("malformed");
  }
}
