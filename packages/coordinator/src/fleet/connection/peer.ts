import {
  type Clock,
  decodeFrame,
  EncodingError,
  type Frame,
  FrameError,
  FrameKind,
  type FromCoordinator,
  type FromProvider,
  WIRE_LIMITS,
} from "@umbel/protocol";
import type { WebSocket } from "ws";
import type { DisconnectReason, FleetEvents } from "../ports.js";
import { CLOSE_TIMEOUT_MS } from "../settings.js";
import { SlidingCount } from "../sliding-count.js";
import { readControlFrame, type UnreadableFrame } from "./control-frame.js";
import { type BulkWrite, SocketWriter } from "./socket-writer.js";

/** Close codes in use (RFC 6455 §7.4.1, IANA registry). */
export const CloseCode = { goingAway: 1001, invalidData: 1007, policy: 1008, tryAgainLater: 1013 } as const;
type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** Whoever a socket's frames concern now: admission first, then the session. Called in order, never after `ended`. */
export interface FrameHandler {
  message(message: FromProvider): void;
  /** A text frame that could not be read. It has been counted and is answered unless the handler closes. */
  unreadable(frame: UnreadableFrame): void;
  /** A binary response chunk; its payload is a view into the received message. */
  chunk(frame: Frame): void;
  ended(reason: DisconnectReason): void;
}

/** Pings that may go unanswered; more than one, so that a stall of this process does not end every connection. */
const UNANSWERED_PINGS_MAX = 2;

/** What the library reports where the peer went without a word (RFC 6455 §7.1.5). */
const NO_CLOSE_FRAME = 1006;

/** One provider socket: frames in both directions, liveness, and one ending. It knows nothing of what frames mean. */
export class Peer {
  /** Resolves when the socket is gone for good. */
  readonly gone: Promise<void>;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #events: FleetEvents;
  readonly #writer: SocketWriter;
  readonly #malformed = new SlidingCount(WIRE_LIMITS.malformedFrames_max, WIRE_LIMITS.malformedFrames_window_ms);
  readonly #unknownTypes = new SlidingCount(WIRE_LIMITS.malformedFrames_max, WIRE_LIMITS.malformedFrames_window_ms);
  #handler: FrameHandler | undefined;
  #isOpen = true;
  #unansweredPings = 0;
  #cancelKill: () => void = () => undefined;

  constructor(socket: WebSocket, clock: Clock, events: FleetEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
    this.#writer = new SocketWriter(
      {
        write: (frame, kind, done) => socket.send(frame, { binary: kind === "binary" }, done),
        abort: (cause) => this.abort(cause),
      },
      clock,
    );
    this.gone = new Promise((resolve) => {
      socket.once("close", (code) => {
        this.#cancelKill();
        this.#end(code === NO_CLOSE_FRAME ? "socket_error" : "peer_closed");
        resolve();
      });
    });
    // The library closes the socket itself after an error, with the code that fits (1009 for a frame that is too large).
    socket.on("error", () => this.#end("socket_error"));
    socket.on("pong", () => this.#heard());
    socket.on("message", (data, isBinary) => {
      if (this.#isOpen && Buffer.isBuffer(data)) this.#receive(data, isBinary);
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Hands all further frames to `handler`. */
  handOver(handler: FrameHandler): void {
    this.#handler = handler;
  }

  /** Sends a small message ahead of requests. It is dropped, and counted, when the peer has long stopped reading; then false is returned. */
  control(message: FromCoordinator): boolean {
    if (!this.#isOpen) return false;
    if (this.#writer.control(JSON.stringify(message))) return true;
    this.#events({ type: "control_dropped", messageType: message.type });
    return false;
  }

  /** Queues the frames of a request. @throws WriteError when they do not fit. */
  bulk(frames: readonly (string | Uint8Array)[]): BulkWrite {
    return this.#writer.bulk(frames);
  }

  /** Sends a ping, or ends a connection that has answered none of the last ones. */
  ping(): void {
    if (!this.#isOpen) return;
    if (this.#unansweredPings >= UNANSWERED_PINGS_MAX) {
      this.abort("no_pong");
      return;
    }
    this.#unansweredPings += 1;
    this.#socket.ping();
  }

  /** Ends the connection with a close frame, and without the peer's consent when it does not answer. */
  close(code: CloseCode, text: string, reason: DisconnectReason): void {
    if (!this.#isOpen) return;
    this.#socket.close(code, text);
    this.#cancelKill = this.#clock.setTimer(CLOSE_TIMEOUT_MS, () => this.#socket.terminate(), "background");
    this.#end(reason);
  }

  /** Ends the connection at once. */
  abort(reason: DisconnectReason): void {
    this.#end(reason);
    this.#socket.terminate();
  }

  #end(reason: DisconnectReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#writer.close();
    this.#handler?.ended(reason);
  }

  #heard(): void {
    this.#unansweredPings = 0;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#heard();
    if (isBinary) this.#receiveBinary(data);
    else this.#receiveText(data);
  }

  #receiveBinary(data: Buffer): void {
    let frame: Frame;
    try {
      frame = decodeFrame(data);
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof EncodingError)) throw error;
      this.#refuse({ kind: "malformed", messageType: undefined, requestId: undefined });
      return;
    }
    if (frame.kind === FrameKind.responseChunk) this.#handler?.chunk(frame);
    else this.#refuse({ kind: "malformed", messageType: undefined, requestId: undefined });
  }

  #receiveText(data: Buffer): void {
    const frame = readControlFrame(data.toString("utf8"));
    if (frame.kind === "message") this.#handler?.message(frame.message);
    else this.#refuse(frame);
  }

  #refuse(frame: UnreadableFrame): void {
    this.#events({ type: "frame_ignored", reason: frame.kind });
    this.#handler?.unreadable(frame);
    const mayAnswer = (frame.kind === "malformed" ? this.#malformed : this.#unknownTypes).take(this.#clock.now_ms());
    if (mayAnswer) {
      const about = frame.messageType === undefined ? {} : { message_type: frame.messageType };
      this.control({ type: "protocol_error", reason: frame.kind, ...about });
    } else if (frame.kind === "malformed") {
      this.close(CloseCode.invalidData, "too many malformed frames", "malformed");
    }
  }
}
