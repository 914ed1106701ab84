import {
  type Challenge,
  type Clock,
  decodeFromCoordinator,
  FRAME_HEADER_BYTES,
  FrameKind,
  type FromCoordinator,
  type FromProvider,
  type RegisterRejected,
  type Welcome,
  WIRE_LIMITS,
} from "@umbel/protocol";
import { type RawData, WebSocket } from "ws";
import { type Heartbeats, startHeartbeats } from "./heartbeats.js";
import { startKeepalive } from "./keepalive.js";
import { SESSION_LIMITS } from "./limits.js";
import { tunnelAgent } from "./proxy.js";
import type { DroppedFrames, Logger, OutboundRoom, SessionHandlers } from "./types.js";

/** How a connection came to its end. */
export type ConnectionEnd =
  | { readonly type: "closed"; readonly code: number }
  | { readonly type: "failed"; readonly cause: string }
  | { readonly type: "silent" | "suspended" }
  | { readonly type: "rejected"; readonly refusal: RegisterRejected };

export interface ConnectionOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly handlers: SessionHandlers;
  readonly logger: Logger;
  readonly dropped: DroppedFrames;
  /** The proxy through which the address is reached; absent is directly. */
  readonly proxy?: string | undefined;
  readonly outbound: OutboundRoom;
}

/** One WebSocket to a coordinator, from connecting to its end. What is sent outside its registered life is dropped: nobody could use it. */
export class Connection {
  readonly ended: Promise<ConnectionEnd>;
  readonly #options: ConnectionOptions;
  readonly #socket: WebSocket;
  /** Stops whatever was started for this connection. */
  readonly #stops = new Set<() => void>();
  #welcome: Welcome | undefined;
  #registeredAt_ms: number | undefined;
  #heartbeats: Heartbeats | undefined;
  #isCongested = false;
  #reconnectAfter_ms: number | undefined;
  #isEnded = false;
  #settle: (end: ConnectionEnd) => void = () => undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#socket = new WebSocket(options.url, {
      maxPayload: WIRE_LIMITS.frameToProvider_bytes_max,
      handshakeTimeout: SESSION_LIMITS.handshake_ms,
      perMessageDeflate: false,
      ...(options.proxy !== undefined && { agent: tunnelAgent(options.proxy) }),
    });
    this.#socket.on("open", () => this.#onOpen());
    this.#socket.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    this.#socket.on("error", (error) => this.#end({ type: "failed", cause: "code" in error ? String(error.code) : error.name }));
    this.#socket.on("close", (code) => this.#end({ type: "closed", code }));
  }

  /** How long a departing coordinator wants machines to stay away; undefined where it did not say. */
  get reconnectAfter_ms(): number | undefined {
    return this.#reconnectAfter_ms;
  }

  /** How long the registration has lived; undefined before there is one. */
  get registered_ms(): number | undefined {
    return this.#registeredAt_ms === undefined ? undefined : this.#options.clock.now_ms() - this.#registeredAt_ms;
  }

  send(message: FromProvider): void {
    if (this.#registeredAt_ms !== undefined) this.#write(JSON.stringify(message));
  }

  /** False when the frame is larger than the coordinator takes; it is not sent then. */
  sendFrame(frame: Uint8Array): boolean {
    if (this.#welcome !== undefined && frame.length > this.#welcome.max_frame_bytes) return false;
    if (this.#registeredAt_ms !== undefined) this.#write(frame);
    return true;
  }

  /** Whether more waits for the socket than may; `onDrained` follows. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Whether so much waits that nothing more may come. */
  get isFlooded(): boolean {
    return this.#socket.bufferedAmount > SESSION_LIMITS.outbound_bytes_flooded;
  }

  /** Sends a heartbeat now, and not only when its time comes. */
  beat(): void {
    this.#heartbeats?.beatNow();
  }

  pause(): void {
    if (!this.#isEnded) this.#socket.pause();
  }

  resume(): void {
    if (!this.#isEnded) this.#socket.resume();
  }

  /** Closes after what was sent has left; cuts the connection when the coordinator does not answer. */
  close(code: number): void {
    if (this.#isEnded) return;
    this.#socket.close(code);
    this.#after(SESSION_LIMITS.close_ms, () => this.#end({ type: "closed", code }));
  }

  /** Cuts the connection: this machine slept, and what is at its other end is not known any more. */
  cut(): void {
    this.#end({ type: "suspended" });
  }

  #onOpen(): void {
    const keepalive = startKeepalive({
      clock: this.#options.clock,
      ping: () => this.#socket.ping(),
      isPaused: () => this.#socket.isPaused,
      onLost: () => this.#end({ type: "silent" }),
    });
    this.#socket.on("pong", () => keepalive.onPong());
    this.#stops.add(() => keepalive.stop());
    this.#after(SESSION_LIMITS.welcome_ms, () => this.#welcome ?? this.#end({ type: "silent" }));
    this.#orEnd("register", async () => this.#write(JSON.stringify(await this.#options.handlers.register())));
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#isEnded) return;
    const bytes = bytesOf(data);
    if (isBinary) this.#onFrame(bytes);
    else this.#onText(bytes.toString());
  }

  #onText(text: string): void {
    const decoded = decodeFromCoordinator(text);
    if (decoded.ok) {
      this.#onControl(decoded.message);
      return;
    }
    this.#options.dropped.unreadable++;
    this.#options.logger.debug({ reason: decoded.reason, type: decoded.messageType }, "dropped a message from the coordinator");
  }

  #onFrame(frame: Buffer): void {
    const isBody = frame.length >= FRAME_HEADER_BYTES && frame[0] === FrameKind.requestBody;
    if (isBody && this.#registeredAt_ms !== undefined) this.#options.handlers.onBody(frame);
    else this.#options.dropped.unexpected++;
  }

  #onControl(message: FromCoordinator): void {
    if (message.type === "register_rejected") {
      this.#end({ type: "rejected", refusal: message });
    } else if (message.type === "protocol_error") {
      const { reason, message_type } = message;
      this.#options.logger.warn({ reason, type: message_type }, "the coordinator did not understand a message");
    } else if (message.type === "welcome" && this.#welcome === undefined) {
      this.#onWelcome(message);
    } else if (message.type === "welcome" || this.#welcome === undefined) {
      this.#options.dropped.unexpected++;
    } else {
      this.#onWork(message);
    }
  }

  #onWork(message: Exclude<FromCoordinator, { type: "welcome" | "register_rejected" | "protocol_error" }>): void {
    const { handlers } = this.#options;
    switch (message.type) {
      case "inference_request":
        handlers.onRequest(message);
        break;
      case "cancel":
        handlers.onCancel(message.request_id);
        break;
      case "hold_answer":
        handlers.onHold(message);
        break;
      case "trust_status":
        handlers.onTrust(message);
        break;
      case "runtime_status":
        handlers.onRuntime(message);
        break;
      case "load_model":
      case "unload_model":
      case "prefetch_model":
      case "desired_models":
        handlers.onModels(message);
        break;
      case "attestation_challenge":
        this.#orEnd("challenge", () => this.#answer(message));
        break;
      case "going_away":
        handlers.onGoingAway();
        this.#reconnectAfter_ms = message.reconnect_after_ms;
        this.#after(message.deadline_ms + SESSION_LIMITS.goingAwayGrace_ms, () => this.close(1000));
    }
  }

  #onWelcome(welcome: Welcome): void {
    const { clock, handlers, logger } = this.#options;
    this.#welcome = welcome;
    this.#orEnd("challenge", async () => {
      await this.#answer(welcome.challenge);
      if (this.#isEnded) return;
      this.#registeredAt_ms = clock.now_ms();
      handlers.onRegistered(welcome);
      const heartbeats = startHeartbeats({
        clock,
        interval_ms: welcome.heartbeat_interval_ms,
        beat: async () => this.send(await handlers.heartbeat()),
        onFailure: (error) => logger.warn({ cause: error instanceof Error ? error.name : typeof error }, "a heartbeat was left out"),
      });
      this.#heartbeats = heartbeats;
      this.#stops.add(() => heartbeats.stop());
    });
  }

  async #answer(challenge: Challenge): Promise<void> {
    const { handlers, logger } = this.#options;
    const attestation = await handlers.signChallenge(challenge, this.#welcome?.session_id ?? "");
    if (attestation === undefined) {
      logger.warn({}, "did not sign a challenge whose time is not this machine's; check the clock");
      return;
    }
    this.#write(JSON.stringify({ type: "attestation_response", nonce: challenge.nonce, attestation }));
  }

  /** Without what `step` says, the connection is of no use. */
  #orEnd(name: string, step: () => Promise<void>): void {
    step().catch(() => this.#end({ type: "failed", cause: name }));
  }

  #write(data: string | Uint8Array): void {
    if (this.#isEnded || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(data, this.#onWritten);
    if (this.#socket.bufferedAmount > this.#options.outbound.bytes_max) this.#isCongested = true;
  }

  // One function for every write: chunks come by the thousand.
  readonly #onWritten = (): void => {
    if (!this.#isCongested || this.#socket.bufferedAmount > this.#options.outbound.bytes_resumed) return;
    this.#isCongested = false;
    if (!this.#isEnded) this.#options.handlers.onDrained();
  };

  #after(delay_ms: number, fire: () => void): void {
    const cancel = this.#options.clock.setTimer(
      delay_ms,
      () => {
        this.#stops.delete(cancel);
        fire();
      },
      "background",
    );
    this.#stops.add(cancel);
  }

  #end(end: ConnectionEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const stop of this.#stops) stop();
    this.#stops.clear();
    this.#socket.terminate();
    this.#settle(end);
  }
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
