import { once } from "node:events";
import { createServer } from "node:net";
import {
  encodeFrame,
  FrameKind,
  type Heartbeat,
  type InferenceRequest,
  inferenceRequest,
  type Register,
  type RegisterRejected,
  type TrustStatus,
  toBase64,
} from "@umbel/protocol";
import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createBackoff } from "./backoff.js";
import { SESSION_LIMITS } from "./limits.js";
import type { RegistrationError } from "./registration-error.js";
import { createSession, type Session, socketUrl } from "./session.js";
import { type CoordinatorStub, type StubConnection, startCoordinatorStub } from "./testing/index.js";
import type { Logger, SessionHandlers } from "./types.js";

const requestId = inferenceRequest.shape.request_id.parse("5f0c9a52-6a3a-4b3e-9d0c-0a7a3f1f2b11");
const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const register: Register = {
  type: "register",
  protocol: 1,
  version: "0.1.0",
  backend: "scripted",
  features: [],
  hardware: {
    platform: "linux",
    arch: "x64",
    os_version: "6",
    chip_name: "chip",
    compute_class: "cpu-avx2",
    memory_gb: 8,
    cpu_cores: 2,
    gpus: [],
  },
  models: [],
  encryption_key: toBase64(new Uint8Array(32)),
  device_key: { kty: "EC", crv: "P-256", x: "A".repeat(43), y: "A".repeat(43) },
  attestation: "x",
  private_only: false,
  decode_tps: 0,
  prefill_tps: 0,
};
const heartbeat: Heartbeat = {
  type: "heartbeat",
  status: "idle",
  stats: { requests_served: 0, tokens_generated: 0, cancellations_received: 0, errors: 0, worker_restarts: 0 },
  system_metrics: { memory_pressure: 0, cpu_usage: 0, thermal_state: "nominal" },
};
const request: InferenceRequest = {
  type: "inference_request",
  request_id: requestId,
  attempt: 0,
  build_id: "tiny",
  max_output_tokens: 1,
  prompt_tokens_estimate: 1,
  deadline_ms: 1,
  suite: "x25519-sha256-aes256gcm",
  wrap: { enc: toBase64(new Uint8Array(32)), ct: toBase64(new Uint8Array(48)) },
  body_bytes: 1,
};

/** Handlers that write down what they are told, and let a test wait for it. */
function createRecorder(overrides: Partial<SessionHandlers> = {}) {
  const events: [name: string, detail?: unknown][] = [];
  const waiting = new Map<string, () => void>();
  const note = (name: string, detail?: unknown) => {
    events.push([name, detail]);
    waiting.get(name)?.();
  };
  const handlers: SessionHandlers = {
    register: () => Promise.resolve(register),
    signChallenge: (challenge, sessionId) => Promise.resolve(`${challenge.nonce} ${sessionId}`),
    heartbeat: () => Promise.resolve(heartbeat),
    onRegistered: () => note("registered"),
    onRequest: (message) => note("request", message.request_id),
    onBody: (frame) => note("body", frame.length),
    onCancel: (id) => note("cancel", id),
    onHold: ({ request_id, held }) => note(held ? "hold" : "go on", request_id),
    onTrust: (status) => note("trust", status.trust_level),
    onRuntime: ({ verified }) => note("runtime", verified),
    onModels: (message) => note("models", message.type),
    onGoingAway: () => note("goingAway"),
    onDrained: () => note("drained"),
    onDisconnected: () => note("disconnected"),
    ...overrides,
  };
  const count = (name: string) => events.filter(([event]) => event === name).length;
  async function until(name: string, times = 1): Promise<void> {
    while (count(name) < times) await new Promise<void>((resolve) => waiting.set(name, resolve));
  }
  return { events, handlers, until, count };
}

let clock: FakeClock;
let stub: CoordinatorStub;
const sessions: Session[] = [];
beforeEach(async () => {
  clock = createFakeClock();
  stub = await startCoordinatorStub("auto", () => clock.date());
});
afterEach(async () => {
  const closing = sessions.splice(0).map((session) => session.close(1001));
  await stub.close();
  await Promise.all(closing);
});

function open(handlers: SessionHandlers, url = stub.url) {
  const refusals: RegistrationError[] = [];
  let onRefused: () => void = () => undefined;
  const refused = new Promise<void>((resolve) => {
    onRefused = resolve;
  });
  const session = createSession({
    coordinatorUrl: url,
    clock,
    random: () => 0.5,
    handlers,
    logger: silent,
    onRefused: (error) => {
      refusals.push(error);
      onRefused();
    },
  });
  sessions.push(session);
  session.open();
  return { session, refusals, refused };
}

/** Lets real input and output happen until something holds. */
async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Moves time in steps, letting sockets work in between, until something holds. */
async function passTimeUntil(holds: () => boolean, step_ms = 500): Promise<void> {
  while (!holds()) {
    await clock.advance(step_ms);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function registered(handlers: SessionHandlers): Promise<{ session: Session; connection: StubConnection }> {
  const { session } = open(handlers);
  const { connection } = await stub.nextRegistration();
  await connection.next("attestation_response");
  await connection.next("heartbeat");
  return { session, connection };
}

describe("registration", () => {
  it("registers, answers the challenge of the welcome, and sends a heartbeat at once", async () => {
    const recorder = createRecorder();
    open(recorder.handlers);
    const registration = await stub.nextRegistration();
    expect(registration.register).toEqual(register);
    const answer = await registration.connection.next("attestation_response");
    expect(answer.attestation).toBe(`${registration.connection.challenge.nonce} ${registration.connection.sessionId}`);
    await registration.connection.next("heartbeat");
    expect(registration.connection.messages.map((message) => message.type)).toEqual(["register", "attestation_response", "heartbeat"]);
    expect(recorder.count("registered")).toBe(1);
  });

  it("answers later challenges too, and beats as often as the coordinator asks", async () => {
    const recorder = createRecorder();
    const { connection } = await registered(recorder.handlers);
    connection.send({ type: "attestation_challenge", nonce: connection.challenge.nonce, timestamp: clock.date().toISOString() });
    expect((await connection.next("attestation_response")).nonce).toBe(connection.challenge.nonce);
    await clock.advance(1000);
    await connection.next("heartbeat");
    await clock.advance(1000);
    await connection.next("heartbeat");
  });

  it("leaves out a heartbeat that cannot be made, and goes on", async () => {
    let calls = 0;
    const failing = () => (++calls === 2 ? Promise.reject(new Error("no metrics")) : Promise.resolve(heartbeat));
    const { connection } = await registered(createRecorder({ heartbeat: failing }).handlers);
    await clock.advance(1000);
    await clock.advance(1000);
    await connection.next("heartbeat");
    expect(calls).toBe(3);
  });

  it("does not answer a challenge that may not be signed", async () => {
    const recorder = createRecorder({ signChallenge: () => Promise.resolve(undefined) });
    open(recorder.handlers);
    const { connection } = await stub.nextRegistration();
    await connection.next("heartbeat");
    expect(connection.messages.map((message) => message.type)).not.toContain("attestation_response");
  });

  it("tries again when the coordinator says nothing", async () => {
    await stub.close();
    stub = await startCoordinatorStub("manual");
    open(createRecorder().handlers);
    await stub.nextRegistration();
    let again = false;
    void stub.nextRegistration().then(() => {
      again = true;
    });
    const start_ms = clock.now_ms();
    await passTimeUntil(() => again);
    expect(clock.now_ms() - start_ms).toBeGreaterThanOrEqual(SESSION_LIMITS.welcome_ms);
  });
});

describe("refusal", () => {
  async function refuse(refusal: Omit<RegisterRejected, "type">, handlers = createRecorder().handlers) {
    await stub.close();
    stub = await startCoordinatorStub("manual", () => clock.date());
    const opened = open(handlers);
    const { connection } = await stub.nextRegistration();
    connection.send({ type: "register_rejected", ...refusal });
    return opened;
  }

  it.each(["auth_token_invalid", "version_too_old", "invalid_public_key", "invalid_message"] as const)(
    "stops for %s and says what to do",
    async (code) => {
      const { refusals, refused } = await refuse({ code, reason: "because" });
      await refused;
      expect(refusals[0]?.code).toBe(code);
      expect(refusals[0]?.message).toMatch(/because\)\. (Link|Update)/);
      expect(clock.pendingTimers).toBe(0);
    },
  );

  it("asks again when registration is closed for now, and not before it was told to", async () => {
    await refuse({ code: "registration_closed", reason: "shutting down", retry_after_s: 5 });
    let again = false;
    void stub.nextRegistration().then(() => {
      again = true;
    });
    await passTimeUntil(() => again);
    expect(clock.now_ms()).toBeGreaterThanOrEqual(5000);
  });

  it("gives up on its evidence only when it is refused several times in a row", async () => {
    const { refusals, refused } = await refuse({ code: "invalid_attestation", reason: "no answer in time" });
    for (let refusal = 2; refusal <= SESSION_LIMITS.attestationRefusals_max; refusal++) {
      let connection: StubConnection | undefined;
      void stub.nextRegistration().then((registration) => {
        connection = registration.connection;
      });
      await passTimeUntil(() => connection !== undefined);
      expect(refusals).toEqual([]);
      connection?.send({ type: "register_rejected", code: "invalid_attestation", reason: "no answer in time" });
    }
    await refused;
    expect(refusals[0]?.code).toBe("invalid_attestation");
  });
});

describe("work", () => {
  it("hands on requests, bodies, cancels and trust in order", async () => {
    const recorder = createRecorder();
    const { connection } = await registered(recorder.handlers);
    const trust: TrustStatus = { type: "trust_status", trust_level: "self_signed", status: "online" };
    connection.send(request);
    connection.sendRaw(encodeFrame({ kind: FrameKind.requestBody, requestId, sequence: 0, payload: new Uint8Array(9) }));
    connection.send({ type: "cancel", request_id: requestId });
    connection.send(trust);
    connection.send({ type: "runtime_status", verified: false, enforced: true });
    await recorder.until("runtime");
    expect(recorder.events).toEqual([
      ["registered", undefined],
      ["request", requestId],
      ["body", 30],
      ["cancel", requestId],
      ["trust", "self_signed"],
      ["runtime", false],
    ]);
  });

  it("drops and counts what it does not understand, and stays connected", async () => {
    const recorder = createRecorder();
    const { session, connection } = await registered(recorder.handlers);
    connection.sendRaw("{");
    connection.sendRaw(JSON.stringify({ type: "praise" }));
    connection.sendRaw(JSON.stringify({ type: "cancel", request_id: "not a uuid" }));
    connection.sendRaw(new Uint8Array(5));
    connection.sendRaw(encodeFrame({ kind: FrameKind.responseChunk, requestId, sequence: 0, payload: new Uint8Array(1) }));
    connection.welcome();
    connection.send({ type: "cancel", request_id: requestId });
    await recorder.until("cancel");
    expect(session.dropped).toEqual({ unreadable: 3, unexpected: 3 });
  });

  it("takes no work before it is registered", async () => {
    await stub.close();
    stub = await startCoordinatorStub("manual");
    const recorder = createRecorder();
    const { session } = open(recorder.handlers);
    const { connection } = await stub.nextRegistration();
    connection.send(request);
    connection.sendRaw(encodeFrame({ kind: FrameKind.requestBody, requestId, sequence: 0, payload: new Uint8Array(1) }));
    await eventually(() => session.dropped.unexpected === 2);
    expect(recorder.events).toEqual([]);
  });

  it("does not send a frame that the coordinator would not take", async () => {
    await stub.close();
    stub = await startCoordinatorStub("manual");
    const recorder = createRecorder();
    const { session } = open(recorder.handlers);
    const { connection } = await stub.nextRegistration();
    connection.welcome({ max_frame_bytes: 50 });
    await recorder.until("registered");
    const frame = (size: number) => encodeFrame({ kind: FrameKind.responseChunk, requestId, sequence: 0, payload: new Uint8Array(size) });
    expect(session.sendFrame(frame(30))).toBe(false);
    expect(session.sendFrame(frame(29))).toBe(true);
    expect((await connection.nextFrame()).payload.length).toBe(29);
  });

  it("is congested while a slow coordinator leaves too much unread, and says when it is over", async () => {
    const recorder = createRecorder();
    const { session, connection } = await registered(recorder.handlers);
    connection.socket.pause();
    const payload = new Uint8Array(256 * 1024);
    let sent = 0;
    while (!session.isCongested) {
      session.sendFrame(encodeFrame({ kind: FrameKind.responseChunk, requestId, sequence: sent++, payload }));
    }
    expect(sent * payload.length).toBeGreaterThan(SESSION_LIMITS.outbound.bytes_max);
    connection.socket.resume();
    await recorder.until("drained");
    expect(session.isCongested).toBe(false);
    await eventually(() => connection.frames.length === sent);
    expect(connection.frames.map((frame) => frame.sequence)).toEqual(Array.from({ length: sent }, (_, i) => i));
  });
});

describe("connection loss", () => {
  it("reconnects and registers anew, and drops what is sent in between", async () => {
    const recorder = createRecorder();
    const { session, connection } = await registered(recorder.handlers);
    connection.socket.terminate();
    await recorder.until("disconnected");
    session.send({ type: "inference_error", request_id: requestId, error_class: "internal" });
    let next: StubConnection | undefined;
    void stub.nextRegistration().then((registration) => {
      next = registration.connection;
    });
    await passTimeUntil(() => next !== undefined);
    await next?.next("heartbeat");
    expect(next?.messages.map((message) => message.type)).toEqual(["register", "attestation_response", "heartbeat"]);
    expect(session.reconnects).toBe(1);
  });

  it("finds a peer that no longer answers pings", async () => {
    const recorder = createRecorder();
    const { connection } = await registered(recorder.handlers);
    connection.socket.pause();
    const start_ms = clock.now_ms();
    await passTimeUntil(() => recorder.count("disconnected") === 1, 1000);
    expect(clock.now_ms() - start_ms).toBeLessThanOrEqual(SESSION_LIMITS.pong_ms_max + SESSION_LIMITS.ping_ms);
  });

  it("stays connected while pings are answered", async () => {
    const recorder = createRecorder();
    const { connection } = await registered(recorder.handlers);
    for (let ping = 1; ping <= 5; ping++) {
      const pinged = once(connection.socket, "ping");
      await clock.advance(SESSION_LIMITS.ping_ms);
      await pinged;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(recorder.count("disconnected")).toBe(0);
  });

  it("connects anew when the machine slept, at once also while it waits to try again", async () => {
    const recorder = createRecorder();
    const { session } = await registered(recorder.handlers);
    session.reconnect();
    await recorder.until("disconnected");
    const registration = stub.nextRegistration();
    await new Promise((resolve) => setImmediate(resolve));
    expect(session.reconnects).toBe(0);
    session.reconnect();
    await registration;
    expect(session.reconnects).toBe(1);
    expect(clock.now_ms()).toBe(0);
  });

  it("connects as soon as a coordinator is there", async () => {
    const port = createServer().listen(0, "127.0.0.1");
    await once(port, "listening");
    const address = port.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    await new Promise((resolve) => port.close(resolve));
    const { session } = open(createRecorder().handlers, `http://127.0.0.1:${address.port}`);
    await passTimeUntil(() => session.reconnects === 3);
    expect(clock.now_ms()).toBeGreaterThanOrEqual(750 + 1500 + 3000);
  });

  it("says goodbye when closed, and leaves no timer behind", async () => {
    const recorder = createRecorder();
    const { session, connection } = await registered(recorder.handlers);
    session.send({ type: "inference_error", request_id: requestId, error_class: "draining" });
    await session.close(1001);
    expect(await connection.closed).toBe(1001);
    expect(connection.messages.at(-1)?.type).toBe("inference_error");
    expect(recorder.count("disconnected")).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("can be opened again after it was closed", async () => {
    const { session } = await registered(createRecorder().handlers);
    await session.close(1001);
    session.open();
    await stub.nextRegistration();
  });

  it("comes back to a departing coordinator when it was asked to", async () => {
    const recorder = createRecorder();
    const { connection } = await registered(recorder.handlers);
    connection.send({ type: "going_away", deadline_ms: 2000, reconnect_after_ms: 4000 });
    await recorder.until("goingAway");
    connection.socket.close(1001);
    await recorder.until("disconnected");
    const next = stub.nextRegistration();
    let isBack = false;
    void next.then(() => {
      isBack = true;
    });
    await clock.advance(3999);
    expect(isBack).toBe(false);
    await clock.advance(1);
    await next;
  });

  it("leaves a departing coordinator only after its deadline", async () => {
    const recorder = createRecorder();
    const { connection } = await registered(recorder.handlers);
    connection.send({ type: "going_away", deadline_ms: 2000 });
    await recorder.until("goingAway");
    await clock.advance(2000);
    expect(connection.socket.readyState).toBe(connection.socket.OPEN);
    await clock.advance(SESSION_LIMITS.goingAwayGrace_ms);
    expect(await connection.closed).toBe(1000);
  });
});

describe("back-off", () => {
  it("doubles to a ceiling, is drawn from the upper half, and starts over after a reset", () => {
    const waits = (random: number) => {
      const backoff = createBackoff({ first_ms: 1000, max_ms: 30_000, min_ms: 600, random: () => random });
      const first = Array.from({ length: 7 }, () => backoff.next_ms());
      backoff.reset();
      return [...first, backoff.next_ms()];
    };
    expect(waits(0)).toEqual([600, 1000, 2000, 4000, 8000, 15_000, 15_000, 600]);
    expect(waits(0.999_999).map(Math.round)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 1000]);
  });
});

describe("address", () => {
  it.each([
    ["http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws/provider"],
    ["https://umbel.example/base/", "wss://umbel.example/base/ws/provider"],
    ["wss://umbel.example?x=1#y", "wss://umbel.example/ws/provider"],
  ])("of %s is %s", (from, to) => {
    expect(socketUrl(from)).toBe(to);
  });
});
