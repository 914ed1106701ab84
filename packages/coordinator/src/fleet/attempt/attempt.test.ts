import type { ChatEvent } from "@umbel/dialects";
import { createChunkOpener, FLOW_FEATURE, fromBase64, fromUtf8, type RequestId } from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ATTEMPT_BUFFER_LIMITS, LATE_CHUNK_LIMITS, WRITER_LIMITS } from "../settings.js";
import { attemptUnderWay, readAll, reserved, sealedRequest, sendText, startTestFleet, type TestFleet, testSpec } from "../testing/index.js";

let test: TestFleet;
beforeEach(async () => {
  test = await startTestFleet();
});
afterEach(() => test.close());

const CHUNK = new Uint8Array([1, 2, 3]);
const WORD: ChatEvent = { type: "text", text: "word", tokens: 1 };

const underWay = (options?: Parameters<typeof attemptUnderWay>[1]) => attemptUnderWay(test, options);

describe("an attempt", () => {
  it("carries a sealed request to the provider and its sealed answer back", async () => {
    const provider = await test.connect({ serve: (request) => request.answer("The answer is 42.") });
    const attempt = reserved(test);
    const { message, body, responseSecret } = await sealedRequest(attempt, "what is the answer?");
    await attempt.send(message, body);

    const events = await readAll(attempt);
    const [accepted] = events;
    if (accepted?.type !== "accepted") throw new Error("the answer did not begin with acceptance");
    const opener = await createChunkOpener(nativeCrypto, {
      requestId: message.request_id,
      responseSecret,
      responseNonce: fromBase64(accepted.message.response_nonce),
      recipientPublicKey: provider.keyPair.publicKey,
      suite: message.suite,
    });
    let text = "";
    for (const event of events) {
      if (event.type !== "chunk") continue;
      const { plaintext } = await opener.open(event.sequence, event.ciphertext);
      const chatEvents: ChatEvent[] = JSON.parse(fromUtf8(plaintext));
      for (const chatEvent of chatEvents) if (chatEvent.type === "text") text += chatEvent.text;
    }
    expect(text).toBe("The answer is 42.");
    expect(opener.ended).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "complete", receiptValid: true, message: { finish_reason: "stop" } });
    attempt.release();
  });

  it("lets the provider open what was sealed for it", async () => {
    const { request } = await underWay();
    expect(fromUtf8(await request.plaintext())).toBe("hello");
  });

  it("says which machine serves, by a pseudonym that does not name it", async () => {
    const provider = await test.connect();
    const { provider: serving } = reserved(test);
    expect(serving).toMatchObject({ sessionId: provider.sessionId, machineId: provider.machineId, trustLevel: "self_signed" });
    expect(serving.publicId).toMatch(/^mach_[0-9a-f]{16}$/);
    expect(serving.encryptionKey).toEqual(provider.keyPair.publicKey);
  });

  it("hands on a provider's refusal", async () => {
    const { attempt, request } = await underWay();
    request.fail("capacity_kv");
    expect(await attempt.next()).toMatchObject({ type: "error", errorClass: "capacity_kv" });
  });

  it("repeats acceptance when the phase changes", async () => {
    const { attempt, request } = await underWay();
    request.accept("loading");
    request.accept("prefilling");
    expect(await attempt.next()).toMatchObject({ type: "accepted", message: { phase: "loading" } });
    expect(await attempt.next()).toMatchObject({ type: "accepted", message: { phase: "prefilling" } });
  });
});

describe("a provider that breaks the order of chunks", () => {
  it.each([
    ["a gap", [0, 2]],
    ["a repetition", [0, 0]],
    ["a wrong start", [1]],
  ])("becomes untrusted and loses every attempt: %s", async (_, sequences) => {
    const { provider, attempt, request } = await underWay();
    const other = reserved(test);
    await sendText(other, "other");
    request.accept();
    for (const sequence of sequences) request.rawChunk(CHUNK, sequence);

    expect((await readAll(attempt)).at(-1)).toEqual({ type: "lost", reason: "protocol_violation" });
    expect(await other.next()).toEqual({ type: "lost", reason: "protocol_violation" });
    await provider.receive("trust_status").then((status) => {
      expect(status).toMatchObject({ status: "untrusted", reason: "chunk out of sequence" });
    });
    expect(test.fleet.reserve(testSpec({ needsTools: true }))).toMatchObject({
      ok: false,
      decision: { refusals: { offline_or_untrusted: 1 } },
    });
  });

  it("becomes untrusted when it sends chunks before it has accepted", async () => {
    const { attempt, request } = await underWay();
    request.rawChunk(CHUNK);
    expect(await attempt.next()).toEqual({ type: "lost", reason: "protocol_violation" });
  });

  it("becomes untrusted when it changes the response nonce", async () => {
    const { attempt, request } = await underWay();
    request.accept();
    request.responseNonce[0] = (request.responseNonce[0] ?? 0) ^ 1;
    request.accept();
    expect((await readAll(attempt)).at(-1)).toEqual({ type: "lost", reason: "protocol_violation" });
  });

  it("becomes untrusted when a chunk is larger than any sealed chunk can be", async () => {
    const { attempt, request } = await underWay();
    request.accept();
    request.rawChunk(new Uint8Array(1024 * 1024 + 2048));
    expect((await readAll(attempt)).at(-1)).toEqual({ type: "lost", reason: "protocol_violation" });
  });

  it("becomes untrusted when the reader could not open what it sent", async () => {
    const { provider, attempt, request } = await underWay();
    request.accept();
    await attempt.next();
    attempt.reportViolation("chunk does not open");
    expect(await attempt.next()).toEqual({ type: "lost", reason: "protocol_violation" });
    expect(await provider.receive("trust_status")).toMatchObject({ status: "untrusted", reason: "chunk does not open" });
  });

  it("loses only this attempt when a message about it cannot be read", async () => {
    const { provider, attempt } = await underWay();
    provider.sendText(JSON.stringify({ type: "inference_error", request_id: attempt.requestId, error_class: "from_the_future" }));
    expect(await attempt.next()).toEqual({ type: "lost", reason: "protocol_violation" });
    expect(await provider.receive("cancel")).toMatchObject({ request_id: attempt.requestId });
    expect(test.fleet.preview(testSpec()).candidates).toBe(1);
  });
});

describe("frames that nobody waits for", () => {
  it("are ignored and counted after the terminal", async () => {
    const { provider, attempt, request } = await underWay();
    request.accept();
    request.fail("internal");
    request.rawChunk(CHUNK);
    request.fail("internal");
    await request.finish();
    for (let i = 0; i < 3; i++) expect(await test.event("frame_ignored")).toMatchObject({ reason: "after_terminal" });
    expect((await readAll(attempt)).map((event) => event.type)).toEqual(["accepted", "error"]);
    expect(provider.socket.readyState).toBe(provider.socket.OPEN);
  });

  it("are answered with a cancel, once in ten seconds for each request, when they are chunks", async () => {
    const { provider, attempt, request } = await underWay();
    request.accept();
    attempt.release();
    await provider.receive("cancel");
    for (let i = 0; i < 5; i++) request.rawChunk(CHUNK);
    await provider.receive("cancel");
    for (let i = 0; i < 5; i++) await test.event("frame_ignored");
    expect(provider.messages.waiting().filter((message) => message.type === "cancel")).toEqual([]);

    await test.clock.advance(LATE_CHUNK_LIMITS.cancelEvery_ms);
    request.rawChunk(CHUNK);
    await provider.receive("cancel");
  });

  it("are cancelled too when the request was never known", async () => {
    const { provider, request } = await underWay();
    const { message } = request;
    const unknown = crypto.randomUUID() as RequestId;
    Object.assign(message, { request_id: unknown });
    request.rawChunk(CHUNK);
    expect(await provider.receive("cancel")).toMatchObject({ request_id: unknown });
    expect(await test.event("frame_ignored")).toMatchObject({ reason: "late_chunk" });
  });

  it("are only counted when they are terminals", async () => {
    const { provider, attempt, request } = await underWay();
    attempt.release();
    await provider.receive("cancel");
    request.fail("cancelled");
    expect(await test.event("frame_ignored")).toMatchObject({ reason: "late_terminal" });
  });

  it("are counted apart when an answer ends that was given up", async () => {
    const { provider, attempt, request } = await underWay();
    attempt.release();
    await provider.receive("cancel");
    await request.finish();
    expect(await test.event("frame_ignored")).toMatchObject({ reason: "late_complete" });
  });
});

describe("a consumer that reads slowly", () => {
  it("gets the first 4096 events and then an overflow, never a gap, of an answer of 10,000 chunks", async () => {
    const { provider, attempt, request } = await underWay();
    request.accept();
    for (let i = 0; i < 10_000; i++) request.rawChunk(CHUNK);
    await provider.receive("cancel");
    await request.finish();

    const events = await readAll(attempt);
    const sequences = events.flatMap((event) => (event.type === "chunk" ? [event.sequence] : []));
    expect(sequences).toEqual(Array.from({ length: ATTEMPT_BUFFER_LIMITS.events_max - 1 }, (_, i) => i));
    expect(events.slice(-2)).toMatchObject([{ type: "overflow" }, { type: "complete", receiptValid: true }]);
    expect(await test.event("attempt_overflow")).toMatchObject({ machineId: provider.machineId });
  });

  it("gets all of it from a machine that can wait: it is told to when half of what is kept is there, and to go on when that is read", async () => {
    const { provider, attempt, request } = await underWay({ features: [FLOW_FEATURE] });
    request.accept();
    let sent = 0;
    const send = (until: number) => {
      for (; sent < until; sent += 1) request.rawChunk(CHUNK);
    };
    send(ATTEMPT_BUFFER_LIMITS.events_max / 2);
    expect(await provider.receive("hold_answer")).toMatchObject({ request_id: attempt.requestId, held: true });
    // What was on its way.
    send(sent + 100);
    await provider.taken();
    let read = 0;
    while (read < sent - ATTEMPT_BUFFER_LIMITS.events_max / 8) {
      attempt.poll();
      read += 1;
    }
    expect(provider.messages.waiting().filter(({ type }) => type === "hold_answer")).toEqual([]);
    for (const _ of [1, 2]) attempt.poll();
    expect(await provider.receive("hold_answer")).toMatchObject({ held: false });
    send(5_000);
    await request.finish();
    const rest = await readAll(attempt);
    expect(rest.at(-1)).toMatchObject({ type: "complete", receiptValid: true });
    expect(rest.some(({ type }) => type === "overflow")).toBe(false);
    expect(await test.event("attempt_held")).toMatchObject({ machineId: provider.machineId });
  });

  it("gets an overflow at 4 MiB", async () => {
    const { provider, attempt, request } = await underWay();
    request.accept();
    const large = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 5; i++) request.rawChunk(large);
    await provider.receive("cancel");
    await request.finish();
    expect((await readAll(attempt)).map((event) => event.type)).toEqual([
      "accepted",
      "chunk",
      "chunk",
      "chunk",
      "chunk",
      "overflow",
      "complete",
    ]);
  });

  it("loses nothing of 10,000 chunks when it keeps reading", async () => {
    const { attempt, request } = await underWay();
    request.accept();
    const reading = readAll(attempt);
    for (let i = 0; i < 10_000; i++) {
      request.rawChunk(CHUNK);
      if (i % 1000 === 0) await new Promise(setImmediate);
    }
    await request.finish();
    const events = await reading;
    expect(events.length).toBe(10_002);
    expect(events.at(-1)).toMatchObject({ type: "complete", receiptValid: true });
  });

  it("does not hold up another request on the same socket", async () => {
    const { provider, attempt, request } = await underWay();
    request.accept();
    for (let i = 0; i < 5_000; i++) request.rawChunk(CHUNK);
    const quick = reserved(test);
    await sendText(quick, "quick");
    await (await provider.request()).answer("done");
    expect((await readAll(quick)).at(-1)).toMatchObject({ type: "complete", receiptValid: true });
    attempt.release();
  });
});

describe("a cancelled attempt", () => {
  it("hears the provider's account of what was delivered", async () => {
    const { provider, attempt, request } = await underWay();
    request.accept();
    await request.chunk([WORD]);
    attempt.cancel();
    attempt.cancel();
    await provider.receive("cancel");
    expect(request.cancelled.aborted).toBe(true);
    await request.chunk([], "final");
    await request.finish();
    expect((await readAll(attempt)).at(-1)).toMatchObject({
      type: "complete",
      receiptValid: true,
      message: { finish_reason: "cancelled" },
    });
    expect(provider.messages.waiting().filter((message) => message.type === "cancel")).toEqual([]);
  });

  it("hears that nothing was done when it was cancelled before output", async () => {
    const { attempt, request } = await underWay();
    attempt.cancel();
    request.fail("cancelled");
    expect(await attempt.next()).toMatchObject({ type: "error", errorClass: "cancelled" });
  });

  it("never reaches the provider when it had not begun to leave, and ends by itself", async () => {
    const provider = await test.connect();
    provider.socket.pause();
    // Bodies large enough to fill the socket's buffers, so that what follows waits in the queue.
    const stuck = [reserved(test), reserved(test)];
    const body = new Uint8Array(12 * 1024 * 1024);
    const sends = stuck.map(async (attempt) => attempt.send((await sealedRequest(attempt, "big")).message, body));
    const attempt = reserved(test);
    const { message, body: small } = await sealedRequest(attempt, "never sent");
    const sending = attempt.send(message, small);
    attempt.cancel();
    await expect(sending).rejects.toMatchObject({ code: "withdrawn" });
    expect(await attempt.next()).toMatchObject({ type: "error", errorClass: "cancelled" });

    provider.socket.resume();
    await Promise.all(sends);
    const seen = [await provider.request(), await provider.request()].map((request) => request.message.request_id);
    expect(seen).toEqual(stuck.map((one) => one.requestId));
  });
});

describe("a provider that does not read", () => {
  it("is given up when a frame has not left within its deadline", async () => {
    const provider = await test.connect();
    provider.socket.pause();
    const attempts = [reserved(test), reserved(test)];
    const body = new Uint8Array(12 * 1024 * 1024);
    const requests = await Promise.all(attempts.map((attempt) => sealedRequest(attempt, "big")));
    const sends = Promise.allSettled(attempts.map((attempt, i) => requests[i] && attempt.send(requests[i].message, body)));
    await test.clock.advance(WRITER_LIMITS.deadline_ms_max);
    expect(await test.event("disconnected")).toMatchObject({ reason: "write_timeout", attempts: 2 });
    expect((await sends).map((outcome) => outcome.status)).toContain("rejected");
    for (const attempt of attempts) expect(await attempt.next()).toEqual({ type: "lost", reason: "disconnected" });
    provider.socket.resume();
  });
});

describe("a provider that disconnects", () => {
  it("in the middle of a stream ends every attempt as lost, after what had come", async () => {
    const { provider, attempt, request } = await underWay();
    const unsent = reserved(test);
    request.accept();
    request.rawChunk(CHUNK);
    await attempt.next();
    await attempt.next();
    provider.kill();
    expect(await attempt.next()).toEqual({ type: "lost", reason: "disconnected" });
    expect(await unsent.next()).toEqual({ type: "lost", reason: "disconnected" });
    const { message, body } = await sealedRequest(unsent, "too late");
    await expect(unsent.send(message, body)).rejects.toMatchObject({ code: "closed" });
    expect(await test.event("disconnected")).toMatchObject({ attempts: 1 });
    expect(test.fleet.connected()).toBe(0);
  });

  it("right after its terminal does not turn a finished answer into a lost one", async () => {
    const { provider, attempt, request } = await underWay();
    await request.answer("done");
    await provider.close();
    expect((await readAll(attempt)).at(-1)).toMatchObject({ type: "complete", receiptValid: true });
  });
});

describe("releasing an attempt", () => {
  it("gives the place back exactly once", async () => {
    const provider = await test.connect();
    provider.heartbeat([]);
    const attempts = Array.from({ length: 20 }, () => test.fleet.reserve(testSpec())).flatMap((one) => (one.ok ? [one.attempt] : []));
    expect(test.fleet.reserve(testSpec()).ok).toBe(false);
    attempts[0]?.release();
    attempts[0]?.release();
    expect(test.fleet.reserve(testSpec()).ok).toBe(true);
    expect(test.fleet.reserve(testSpec()).ok).toBe(false);
  });

  it("cancels what the provider has not finished, and keeps the same request off that connection", async () => {
    const { provider, attempt, request } = await underWay();
    attempt.release();
    await provider.receive("cancel");
    const again = { requestId: attempt.requestId };
    expect(test.fleet.reserve(testSpec(again)).ok).toBe(false);
    expect(test.fleet.reserve(testSpec()).ok).toBe(true);

    request.fail("cancelled");
    await test.event("frame_ignored");
    expect(test.fleet.reserve(testSpec(again)).ok).toBe(true);
  });

  it("turns a waiting reader away", async () => {
    const { attempt } = await underWay();
    const waiting = attempt.next();
    attempt.release();
    await expect(waiting).rejects.toThrow("released");
  });
});
