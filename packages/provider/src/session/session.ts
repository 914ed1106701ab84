import type { Clock, FromProvider } from "@umbel/protocol";
import { createBackoff } from "./backoff.js";
import { Connection, type ConnectionEnd } from "./connection.js";
import { SESSION_LIMITS } from "./limits.js";
import { fatalRefusal, type RegistrationError } from "./registration-error.js";
import type { DroppedFrames, Logger, OutboundRoom, SessionHandlers } from "./types.js";

export interface SessionOptions {
  /** The coordinator's address, `http(s)://` or `ws(s)://`. */
  readonly coordinatorUrl: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly handlers: SessionHandlers;
  readonly logger: Logger;
  /** The coordinator does not want this machine; the session has stopped trying. */
  readonly onRefused: (error: RegistrationError) => void;
  /** The proxy through which an address is reached; undefined is directly. */
  readonly proxyFor?: (address: string) => string | undefined;
  /** Default: `SESSION_LIMITS.outbound`. */
  readonly outbound?: OutboundRoom;
}

/** Keeps one registration with a coordinator alive for as long as it is open, over as many connections as it takes. */
export interface Session {
  /** Starts connecting, now and after every loss. Does nothing while open. */
  open(): void;
  /** Closes politely after what was sent has left, and stops connecting. Resolves when the connection is gone. */
  close(code: number): Promise<void>;
  /** Dropped when there is no registered connection. */
  send(message: FromProvider): void;
  /** False when the frame is larger than the coordinator takes; it is not sent then. */
  sendFrame(frame: Uint8Array): boolean;
  /** More waits for the coordinator than should; `onDrained` follows. */
  readonly isCongested: boolean;
  /** More waits than may, whatever it takes. */
  readonly isFlooded: boolean;
  /** The machine slept: a connection from before is cut, and another is made without waiting for long. */
  reconnect(): void;
  /** Sends a heartbeat at once: something changed that the coordinator should not wait for. */
  beat(): void;
  /** Stops and restarts reading from the coordinator. */
  pause(): void;
  resume(): void;
  readonly reconnects: number;
  readonly dropped: Readonly<DroppedFrames>;
}

export function createSession(options: SessionOptions): Session {
  const { clock, handlers, logger } = options;
  const url = socketUrl(options.coordinatorUrl);
  const dropped: DroppedFrames = { unreadable: 0, unexpected: 0 };
  const backoff = createBackoff({
    first_ms: SESSION_LIMITS.reconnect_first_ms,
    max_ms: SESSION_LIMITS.reconnect_ms_max,
    min_ms: SESSION_LIMITS.reconnect_ms_min,
    random: options.random,
  });
  let connection: Connection | undefined;
  let running: Promise<void> | undefined;
  let isOpen = false;
  let reconnects = 0;
  let attestationRefusals = 0;
  let endWait: () => void = () => undefined;

  async function run(): Promise<void> {
    while (isOpen) {
      connection = new Connection({
        url,
        proxy: options.proxyFor?.(url),
        outbound: options.outbound ?? SESSION_LIMITS.outbound,
        clock,
        handlers,
        logger,
        dropped,
      });
      const end = await connection.ended;
      const { registered_ms: lived_ms, reconnectAfter_ms } = connection;
      connection = undefined;
      if (end.type !== "rejected") attestationRefusals = 0;
      if ((lived_ms ?? 0) >= SESSION_LIMITS.healthy_ms) backoff.reset();
      handlers.onDisconnected(isOpen ? causeOf(end) : undefined);
      if (!isOpen) return;
      const refusal = refusalOf(end);
      if (refusal !== undefined) {
        isOpen = false;
        options.onRefused(refusal);
        return;
      }
      const wait_ms = reconnectAfter_ms === undefined ? waitAfter(end) : waitAsAsked(reconnectAfter_ms);
      logger.warn({ ...describe(end), wait_ms: Math.round(wait_ms), reconnects }, "not connected to the coordinator; trying again");
      await wait(wait_ms);
      reconnects++;
    }
  }

  /** One piece of evidence may be refused because the machine was too busy to answer in time; several in a row are meant. */
  function refusalOf(end: ConnectionEnd): RegistrationError | undefined {
    if (end.type !== "rejected") return undefined;
    if (end.refusal.code === "invalid_attestation" && ++attestationRefusals < SESSION_LIMITS.attestationRefusals_max) return undefined;
    return fatalRefusal(end.refusal);
  }

  function waitAfter(end: ConnectionEnd): number {
    if (end.type === "suspended") return SESSION_LIMITS.reconnect_ms_min;
    const asked_ms = end.type === "rejected" ? (end.refusal.retry_after_s ?? 0) * 1000 : 0;
    return Math.max(backoff.next_ms(), Math.min(asked_ms, SESSION_LIMITS.retryAfter_ms_max));
  }

  function waitAsAsked(asked_ms: number): number {
    return Math.min(Math.max(asked_ms, SESSION_LIMITS.reconnect_ms_min), SESSION_LIMITS.retryAfter_ms_max);
  }

  function wait(delay_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.setTimer(delay_ms, resolve);
      endWait = () => {
        cancel();
        resolve();
      };
    });
  }

  return {
    open() {
      if (isOpen) return;
      isOpen = true;
      running = (running ?? Promise.resolve()).then(run);
    },
    async close(code) {
      isOpen = false;
      connection?.close(code);
      endWait();
      await running;
    },
    send: (message) => connection?.send(message),
    sendFrame: (frame) => connection?.sendFrame(frame) ?? true,
    get isCongested() {
      return connection?.isCongested ?? false;
    },
    get isFlooded() {
      return connection?.isFlooded ?? false;
    },
    reconnect() {
      connection?.cut();
      endWait();
    },
    beat: () => connection?.beat(),
    pause: () => connection?.pause(),
    resume: () => connection?.resume(),
    get reconnects() {
      return reconnects;
    },
    dropped,
  };
}

/** `https://host/base` → `wss://host/base/ws/provider`. */
export function socketUrl(coordinatorUrl: string): string {
  const url = new URL(coordinatorUrl);
  url.protocol = url.protocol.replace(/^http/, "ws");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/ws/provider`;
  url.search = "";
  url.hash = "";
  return url.href;
}

/** In one word. */
function causeOf(end: ConnectionEnd): string {
  if (end.type === "rejected") return end.refusal.code;
  if (end.type === "closed") return `closed_${end.code}`;
  return end.type === "failed" ? end.cause : end.type;
}

function describe(end: ConnectionEnd): object {
  if (end.type === "rejected") return { end: end.type, code: end.refusal.code };
  if (end.type === "closed") return { end: end.type, code: end.code };
  return end.type === "failed" ? { end: end.type, cause: end.cause } : { end: end.type };
}
