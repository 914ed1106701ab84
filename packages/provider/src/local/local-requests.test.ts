import { randomUUID } from "node:crypto";
import { type ChatEvent, decodeChatRequest, encodeEvents } from "@umbel/dialects";
import {
  type ChunkSealer,
  createChunkSealer,
  decodeFrame,
  fromBase64,
  generateKeyPair,
  openRequestBody,
  openWrap,
  requestId,
  toBase64,
  WIRE_LIMITS,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { chatOf } from "../worker/testing/index.js";
import { LOCAL_LIMITS } from "./limits.js";
import { LocalRequests } from "./local-requests.js";

type ToWorker = Parameters<ConstructorParameters<typeof LocalRequests>[0]["send"]>[0];
type Sent = Extract<ToWorker, { type: "inference_request" }>["request"];
const NONCE = new Uint8Array(16).fill(7);
const FINISH: ChatEvent = {
  type: "finish",
  reason: "stop",
  usage: { promptTokens: 1, completionTokens: 1, reasoningTokens: 0, cachedPromptTokens: 0 },
};
const words = (text: string): ChatEvent => ({ type: "text", text, tokens: 1 });

/** The worker's end: what was sent to it, and answers sealed as it seals them. */
async function withWorker() {
  const keyPair = await generateKeyPair(nativeCrypto);
  const sent: Sent[] = [];
  const bodies: Uint8Array[] = [];
  const cancelled: string[] = [];
  let onSent: () => void = () => undefined;
  const ready = { encryption_key: toBase64(keyPair.publicKey) };
  // Of the supervisor only what a request needs.
  const worker = {
    ready: ready as typeof ready | undefined,
    isCongested: false,
    drained: async () => undefined,
    send(message: ToWorker) {
      if (message.type === "inference_request") sent.push(message.request);
      if (message.type === "cancel") cancelled.push(message.request_id);
    },
    sendFrame(frame: Uint8Array) {
      bodies.push(frame);
      onSent();
    },
  };
  const clock = createFakeClock();
  const requests = new LocalRequests(worker as never, () => requestId.parse(randomUUID()), clock);

  async function taken(): Promise<Sent> {
    if (sent.length === 0 || bodies.length === 0) {
      await new Promise<void>((resolve) => {
        onSent = resolve;
      });
    }
    const [request] = sent;
    if (request === undefined) throw new Error("nothing was sent");
    return request;
  }

  async function accept(request: Sent): Promise<{ chat: ReturnType<typeof decodeChatRequest>; sealer: ChunkSealer }> {
    const { request_id, build_id, max_output_tokens, suite } = request;
    const wrap = { enc: fromBase64(request.wrap.enc), ct: fromBase64(request.wrap.ct) };
    const { contentKey, responseSecret } = await openWrap(nativeCrypto, { requestId: request_id, ...wrap, keyPair, suite });
    const ciphertext = decodeFrame(bodies[0] ?? new Uint8Array(0)).payload;
    const metadata = { request_id, build_id, max_output_tokens };
    const plaintext = await openRequestBody(nativeCrypto, { metadata, contentKey, ciphertext, suite });
    requests.onForward({ type: "inference_accepted", request_id, phase: "queued", response_nonce: toBase64(NONCE) });
    const binding = { requestId: request_id, responseSecret, responseNonce: NONCE, recipientPublicKey: keyPair.publicKey, suite };
    return { chat: decodeChatRequest(plaintext), sealer: await createChunkSealer(nativeCrypto, binding) };
  }

  const complete = (request_id: Sent["request_id"], chunks: number) =>
    requests.onForward({
      ...{ type: "inference_complete", request_id, finish_reason: "stop", chunks, receipt: "signed" },
      usage: { prompt_tokens: 1, completion_tokens: 1, reasoning_tokens: 0, cached_prompt_tokens: 0 },
    });

  return { worker, requests, clock, cancelled, taken, accept, complete };
}

function ask(requests: LocalRequests, signal = new AbortController().signal, text = "hi") {
  const answer = requests.ask({ chat: chatOf(text), outputTokens_max: 64, promptTokens: 1, cacheScope: "local", signal });
  return { ...answer, steps: answer.batches[Symbol.asyncIterator]() };
}

describe("LocalRequests", () => {
  it("ends what should have been over while the machine slept, and nothing else", async () => {
    const { requests, clock, taken, cancelled } = await withWorker();
    const { steps } = ask(requests);
    const first = steps.next();
    const { request_id } = await taken();
    clock.suspend(LOCAL_LIMITS.deadline_ms - 1);
    requests.onWake();
    expect(cancelled).toEqual([]);
    clock.suspend(1);
    requests.onWake();
    await expect(first).rejects.toMatchObject({ status: 504, code: "timeout" });
    expect(cancelled).toEqual([request_id]);
    expect(requests.inFlight).toBe(0);
  });

  it("seals a request to the worker's key and opens the answer, which is signed for", async () => {
    const { requests, taken, accept, complete, cancelled } = await withWorker();
    const { steps, receipt } = ask(requests);
    const first = steps.next();
    const request = await taken();
    expect(request).toMatchObject({ cache_scope: "local", max_output_tokens: 64 });
    const { chat, sealer } = await accept(request);
    expect(chat).toEqual(chatOf("hi"));
    requests.onFrame(await sealer.sealFrame(encodeEvents([words("hello")]), "more"));
    expect((await first).value).toEqual([words("hello")]);
    requests.onFrame(await sealer.sealFrame(encodeEvents([FINISH]), "final"));
    complete(request.request_id, 2);
    expect((await steps.next()).value).toEqual([FINISH]);
    expect(await steps.next()).toEqual({ done: true, value: undefined });
    expect(receipt()).toBe("signed");
    expect(cancelled).toEqual([]);
  });

  it("does not take an answer for whole that lacks its sealed end", async () => {
    const { requests, taken, accept, complete } = await withWorker();
    const { steps } = ask(requests);
    const first = steps.next();
    const request = await taken();
    const { sealer } = await accept(request);
    requests.onFrame(await sealer.sealFrame(encodeEvents([words("hel")]), "more"));
    complete(request.request_id, 1);
    await first;
    await expect(steps.next()).rejects.toMatchObject({ status: 500, code: "provider_error" });
  });

  it("says what the worker says, with its figures", async () => {
    const { requests, taken } = await withWorker();
    const first = ask(requests).steps.next();
    const { request_id } = await taken();
    requests.onForward({ type: "inference_error", request_id, error_class: "context_exceeded", needed: 9000, available: 4096 });
    await expect(first).rejects.toMatchObject({
      status: 400,
      code: "context_length_exceeded",
      param: "messages",
      message: expect.stringContaining("9000 tokens are needed, 4096 are there"),
    });
  });

  it("cancels at the worker when nobody waits any more", async () => {
    const { requests, taken, cancelled } = await withWorker();
    const gone = new AbortController();
    const first = ask(requests, gone.signal).steps.next();
    const { request_id } = await taken();
    gone.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    expect(cancelled).toEqual([request_id]);
    expect(requests.inFlight).toBe(0);
  });

  it("cancels an answer that runs too far ahead of its reader", async () => {
    const { requests, taken, accept, cancelled } = await withWorker();
    const { steps } = ask(requests);
    const first = steps.next();
    const request = await taken();
    const { sealer } = await accept(request);
    const flood = encodeEvents([words("x".repeat(WIRE_LIMITS.chunk_bytes_max - 100))]);
    const chunks = Math.ceil(LOCAL_LIMITS.unread_bytes_max / flood.length) + 2;
    for (let count = 0; count < chunks; count++) requests.onFrame(await sealer.sealFrame(flood, "more"));
    await first;
    const readAll = async () => {
      while ((await steps.next()).done !== true);
    };
    await expect(readAll()).rejects.toMatchObject({ status: 504, message: "the answer was not read fast enough" });
    expect(cancelled).toEqual([request.request_id]);
  });

  it("fails what a lost worker was doing, and refuses while there is none", async () => {
    const { requests, worker, taken } = await withWorker();
    const first = ask(requests).steps.next();
    await taken();
    requests.onWorkerLost();
    await expect(first).rejects.toMatchObject({ status: 500, code: "provider_error" });
    worker.ready = undefined;
    await expect(ask(requests).steps.next()).rejects.toMatchObject({ status: 503, retryAfter_s: LOCAL_LIMITS.retry_s });
  });

  it("refuses a request that no worker could take", async () => {
    const { requests } = await withWorker();
    const first = ask(requests, undefined, "x".repeat(WIRE_LIMITS.requestBody_bytes_max)).steps.next();
    await expect(first).rejects.toMatchObject({ status: 413, code: "payload_too_large" });
  });

  it("lets what runs finish when it drains, and takes nothing new", async () => {
    const { requests, taken, cancelled } = await withWorker();
    const first = ask(requests).steps.next();
    const { request_id } = await taken();
    let isIdle = false;
    const idle = requests.drain().then(() => {
      isIdle = true;
    });
    await expect(ask(requests).steps.next()).rejects.toMatchObject({ status: 503, message: "this endpoint is shutting down" });
    expect(isIdle).toBe(false);
    requests.cancelAll();
    expect(cancelled).toEqual([request_id]);
    requests.onForward({ type: "inference_error", request_id, error_class: "cancelled" });
    await expect(first).rejects.toMatchObject({ status: 499 });
    await idle;
  });
});
