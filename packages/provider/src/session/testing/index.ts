import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import {
  type Challenge,
  decodeFrame,
  decodeFromProvider,
  type Frame,
  type FromCoordinator,
  type FromProvider,
  type Register,
  toBase64,
} from "@umbel/protocol";
import { type WebSocket, WebSocketServer } from "ws";

type MessageOf<T extends FromProvider["type"]> = Extract<FromProvider, { type: T }>;

/** The coordinator's side of one provider socket, driven by a test. */
export interface StubConnection {
  readonly sessionId: string;
  readonly challenge: Challenge;
  /** Every control message and chunk frame so far, in order of arrival. */
  readonly messages: FromProvider[];
  readonly frames: Frame[];
  /** Every byte that came, as it came. */
  readonly received: Buffer[];
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  send(message: FromCoordinator): void;
  sendRaw(data: string | Uint8Array): void;
  /** The next control message of a type that was not given out before. */
  next<T extends FromProvider["type"]>(type: T): Promise<MessageOf<T>>;
  nextFrame(): Promise<Frame>;
  /** Answers the registration, for a stub that does not by itself. */
  welcome(overrides?: { readonly heartbeat_interval_ms?: number; readonly max_frame_bytes?: number }): void;
}

export interface CoordinatorStub {
  readonly url: string;
  /** The next connection that has registered. */
  nextRegistration(): Promise<{ readonly connection: StubConnection; readonly register: Register }>;
  close(): Promise<void>;
}

/**
 * A coordinator for tests: a real WebSocket server that speaks the protocol as told. With `auto` it welcomes whoever registers.
 *
 * @param http server that listens already and answers everything else
 */
export async function startCoordinatorStub(
  mode: "auto" | "manual" = "auto",
  now: () => Date = () => new Date(),
  http?: Server,
): Promise<CoordinatorStub> {
  const own = { host: "127.0.0.1", port: 0 };
  const server = new WebSocketServer({ ...(http === undefined ? own : { server: http }), path: "/ws/provider" });
  if (http === undefined) await once(server, "listening");
  const address = http === undefined ? server.address() : http.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const registrations = createMailbox<{ connection: StubConnection; register: Register }>();

  server.on("connection", (socket) => {
    const connection = serve(socket, now);
    connection.next("register").then(
      (register) => {
        if (mode === "auto") connection.welcome();
        registrations.put({ connection, register });
      },
      () => undefined,
    );
  });

  return {
    url: `http://127.0.0.1:${address.port}`,
    nextRegistration: () => registrations.take(),
    async close() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(socket: WebSocket, now: () => Date): StubConnection {
  const messages: FromProvider[] = [];
  const frames: Frame[] = [];
  const received: Buffer[] = [];
  const frameMailbox = createMailbox<Frame>();
  const mailboxes = new Map<string, Mailbox<FromProvider>>();
  const mailboxOf = (type: string): Mailbox<FromProvider> => {
    const mailbox = mailboxes.get(type) ?? createMailbox<FromProvider>();
    mailboxes.set(type, mailbox);
    return mailbox;
  };

  socket.on("message", (data, isBinary) => {
    const bytes = data as Buffer;
    received.push(bytes);
    if (isBinary) {
      const frame = decodeFrame(bytes);
      frames.push(frame);
      frameMailbox.put(frame);
      return;
    }
    const decoded = decodeFromProvider(bytes.toString());
    if (!decoded.ok) throw new Error(`the provider sent a ${decoded.messageType} that is ${decoded.reason} in ${decoded.field}`);
    messages.push(decoded.message);
    mailboxOf(decoded.message.type).put(decoded.message);
  });

  const connection: StubConnection = {
    sessionId: randomUUID(),
    challenge: { nonce: toBase64(randomBytes(32)), timestamp: now().toISOString() },
    messages,
    frames,
    received,
    socket,
    closed: once(socket, "close").then(([code]: unknown[]) => Number(code)),
    send: (message) => socket.send(JSON.stringify(message)),
    sendRaw: (data) => socket.send(data),
    next: <T extends FromProvider["type"]>(type: T) => mailboxOf(type).take() as Promise<MessageOf<T>>,
    nextFrame: () => frameMailbox.take(),
    welcome(overrides = {}) {
      connection.send({
        type: "welcome",
        session_id: connection.sessionId,
        server_time: now().toISOString(),
        heartbeat_interval_ms: 1000,
        max_frame_bytes: 10 * 1024 * 1024,
        features: [],
        challenge: connection.challenge,
        ...overrides,
      });
    },
  };
  return connection;
}

interface Mailbox<T> {
  put(item: T): void;
  take(): Promise<T>;
}

function createMailbox<T>(): Mailbox<T> {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put(item) {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    take() {
      const item = items.shift();
      return item === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(item);
    },
  };
}
