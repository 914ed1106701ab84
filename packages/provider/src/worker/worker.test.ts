import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createDigestChain, decodeFrame, inferenceRequest, sha256, toBase64, toHex, verifyClaims } from "@umbel/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WorkerExit } from "./exit-codes.js";
import { WORKER_LIMITS } from "./limits.js";
import type { FromWorker, WorkerModel } from "./pipe-messages.js";
import { chatOf, type SealedChat, scriptedModel, sealChat, textOf } from "./testing/index.js";
import {
  answerOf,
  forwarded,
  launchWorker,
  type ReadyWorker,
  startWorker,
  submit,
  type TestWorker,
  terminalOf,
} from "./testing/process.js";

type State = Extract<FromWorker, { type: "state" }>;

let home: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-worker-"));
  await chmod(home, 0o700);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(home, { recursive: true });
});

/** Workers that several tests share and leave as they found them: one echoes at once, one takes a minute to its first token. */
let echo: ReadyWorker;
let slow: ReadyWorker;
let sharedHome: string;
beforeAll(async () => {
  sharedHome = await mkdtemp(path.join(tmpdir(), "umbel-worker-"));
  echo = await start({ answer: { kind: "echo" } }, {}, sharedHome);
  slow = await start({ firstToken_ms: 60_000 }, { sequences: 1 }, sharedHome);
  children.splice(0);
});
afterAll(async () => {
  for (const worker of [echo, slow]) worker.child.kill("SIGKILL");
  await rm(sharedHome, { recursive: true });
});

function launch(nodeFlags: readonly string[] = []): TestWorker {
  const worker = launchWorker(nodeFlags);
  children.push(worker.child);
  return worker;
}

function start(script: object = {}, model: Partial<WorkerModel> = {}, keyDirectory = home): Promise<ReadyWorker> {
  return startWorker(launch(), {
    keyDirectory,
    engine: { kind: "scripted", script: { ...script } },
    models: [{ info: scriptedModel, path: "", sequences: 4, ...model }],
  });
}

const error = (sealed: SealedChat, error_class: string, param?: string) => ({
  type: "inference_error",
  request_id: sealed.request.request_id,
  error_class,
  ...(param !== undefined && { param }),
});

describe("an answer", () => {
  it("comes back sealed, final, in order, and signed for", async () => {
    const worker = echo;
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("bring this back"));
    submit(worker, sealed);
    const { terminal, answer } = await answerOf(worker, sealed);
    expect(textOf(answer.events)).toBe("bring this back");
    expect(answer.isFinal).toBe(true);
    expect(answer.events[0]?.type).toBe("started");
    expect(answer.events.at(-1)).toMatchObject({ type: "finish", reason: "stop" });
    if (terminal.type !== "inference_complete") throw new Error(terminal.error_class);
    expect(terminal.chunks).toBe(answer.chunks.length);

    const receipt = await verifyClaims(worker.ready.device_key, "receipt", terminal.receipt);
    const chain = createDigestChain(sealed.request.request_id);
    for (const frame of worker.frames.filter((one) => one.requestId === sealed.request.request_id)) chain.update(frame.payload);
    expect(receipt).toMatchObject({
      request_id: sealed.request.request_id,
      build_id: scriptedModel.id,
      weight_hash: scriptedModel.weight_hash,
      usage: terminal.usage,
      finish_reason: "stop",
      chunks: terminal.chunks,
      request_digest: toHex(sha256(decodeFrame(sealed.body).payload)),
      response_digest: chain.digest(),
    });
  });

  it("waits while its reader does not keep up, and those of others do not", async () => {
    const worker = echo;
    const hold = (isHeld: boolean) => worker.pipe.sendControl({ type: "hold_answers", reader: "coordinator", isHeld });
    const asked = await sealChat(worker.ready.encryption_key, chatOf("from afar"));
    const own = await sealChat(worker.ready.encryption_key, chatOf("from here"));
    hold(true);
    submit(worker, asked, "coordinator");
    submit(worker, own, "machine");
    expect(textOf((await answerOf(worker, own)).answer.events)).toBe("from here");
    expect(forwarded(worker, asked).map(({ type }) => type)).not.toContain("inference_complete");
    hold(false);
    expect(textOf((await answerOf(worker, asked)).answer.events)).toBe("from afar");
  });

  it("waits while its own consumer does not keep up, and ends at once when it is cancelled meanwhile", async () => {
    const worker = echo;
    const [slow, gone, other] = await Promise.all(
      ["the slow one", "the one that leaves", "another"].map((text) => sealChat(worker.ready.encryption_key, chatOf(text))),
    );
    if (slow === undefined || gone === undefined || other === undefined) throw new Error("three were sealed");
    const hold = ({ request }: SealedChat, isHeld: boolean) =>
      worker.pipe.sendControl({ type: "hold_answer", request_id: request.request_id, isHeld });
    for (const chat of [slow, gone, other]) {
      submit(worker, chat);
      if (chat !== other) hold(chat, true);
    }
    expect(textOf((await answerOf(worker, other)).answer.events)).toBe("another");
    expect(forwarded(worker, slow).map(({ type }) => type)).not.toContain("inference_complete");
    worker.pipe.sendControl({ type: "cancel", request_id: gone.request.request_id });
    expect((await terminalOf(worker, gone)).type).toMatch(/^inference_/);
    hold(slow, false);
    expect(textOf((await answerOf(worker, slow)).answer.events)).toBe("the slow one");
  });

  it("is accepted first, with one nonce in every repetition", async () => {
    const worker = echo;
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("hi"));
    submit(worker, sealed);
    await terminalOf(worker, sealed);
    const [first, ...rest] = forwarded(worker, sealed);
    expect(first).toMatchObject({ type: "inference_accepted", phase: "queued" });
    const nonces = new Set(
      rest.concat(first ?? []).flatMap((message) => (message.type === "inference_accepted" ? message.response_nonce : [])),
    );
    expect(nonces.size).toBe(1);
    expect(rest.at(-1)?.type).toBe("inference_complete");
  });

  it("of many requests at once reaches each of them whole", async () => {
    const worker = echo;
    const chats = await Promise.all(
      Array.from({ length: 12 }, (_, i) => sealChat(worker.ready.encryption_key, chatOf(`number ${i} of several`))),
    );
    for (const chat of chats) submit(worker, chat);
    const texts = await Promise.all(chats.map(async (chat) => textOf((await answerOf(worker, chat)).answer.events)));
    expect(texts).toEqual(chats.map((_, i) => `number ${i} of several`));
  });

  it("leaves no trace of prompt or answer in what the worker sends, prints or stores", async () => {
    const worker = echo;
    const canary = "xylophone-7391-canary";
    const sealed = await sealChat(worker.ready.encryption_key, chatOf(canary));
    submit(worker, sealed);
    const { answer } = await answerOf(worker, sealed);
    expect(textOf(answer.events)).toBe(canary);
    const stored = await Promise.all((await readdir(sharedHome, { recursive: true })).map((file) => readFile(path.join(sharedHome, file))));
    const everything = Buffer.concat([...worker.bytes, ...stored]);
    expect(everything.length).toBeGreaterThan(1000);
    for (const needle of [canary, toBase64(Buffer.from(canary)), Buffer.from(canary).toString("hex")]) {
      expect(everything.includes(needle)).toBe(false);
    }
  });
});

describe("a request that cannot be served", () => {
  it.each([
    [
      "is not what was sealed",
      { metadata: {} },
      (sealed: SealedChat) => ({ ...sealed.request, max_output_tokens: 65 }),
      "client_request",
      undefined,
    ],
    ["is no JSON", { plaintext: "{" }, undefined, "client_request", undefined],
    ["is no chat", { plaintext: '{"model":"scripted-1"}' }, undefined, "client_request", undefined],
    [
      "asks for more tokens than was said in clear",
      { metadata: { max_output_tokens: 63 } },
      undefined,
      "client_request",
      "maxOutputTokens",
    ],
    ["names a build that is not loaded", { metadata: { build_id: "other" } }, undefined, "not_loaded", undefined],
    [
      "announces a body that is too large",
      {},
      (sealed: SealedChat) => ({ ...sealed.request, body_bytes: WORKER_LIMITS.sealedBody_bytes_max + 1 }),
      "client_request",
      undefined,
    ],
    ["has another body than announced", {}, (sealed: SealedChat) => ({ ...sealed.request, body_bytes: 1 }), "client_request", undefined],
  ] as const)("because it %s ends in an error without a word of it", async (_name, options, change, errorClass, param) => {
    const worker = echo;
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("hi"), options);
    submit(worker, { ...sealed, request: change?.(sealed) ?? sealed.request });
    expect(await terminalOf(worker, sealed)).toEqual(error(sealed, errorClass, param));
    const next = await sealChat(worker.ready.encryption_key, chatOf("still there?"));
    submit(worker, next);
    expect((await terminalOf(worker, next)).type).toBe("inference_complete");
    expect(forwarded(worker, sealed).filter((message) => message.type !== "inference_accepted")).toHaveLength(1);
  });

  it("because its model in clear and its sealed model differ ends in an error that names the field", async () => {
    const worker = echo;
    const chat = { ...chatOf("hi"), model: "other" };
    const sealed = await sealChat(worker.ready.encryption_key, chat, { metadata: { build_id: scriptedModel.id } });
    submit(worker, sealed);
    expect(await terminalOf(worker, sealed)).toEqual(error(sealed, "client_request", "model"));
  });

  it("because too many are under way ends in an error at once", async () => {
    const worker = echo;
    const waiting = await sealChat(worker.ready.encryption_key, chatOf("hi"));
    const ids = Array.from({ length: WORKER_LIMITS.requests_max }, () => inferenceRequest.shape.request_id.parse(randomUUID()));
    for (const request_id of ids)
      worker.pipe.sendControl({ type: "inference_request", request: { ...waiting.request, request_id }, reader: "coordinator" });
    submit(worker, waiting);
    expect(await terminalOf(worker, waiting)).toEqual(error(waiting, "capacity_queue"));
    for (const request_id of ids) worker.pipe.sendControl({ type: "cancel", request_id });
  });

  it("because another with its id is under way changes nothing for that one", async () => {
    const worker = echo;
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("only once"));
    submit(worker, sealed);
    submit(worker, sealed);
    const { answer } = await answerOf(worker, sealed);
    expect(textOf(answer.events)).toBe("only once");
    const next = await sealChat(worker.ready.encryption_key, chatOf("after"));
    submit(worker, next);
    await terminalOf(worker, next);
    expect(forwarded(worker, sealed).filter((message) => message.type !== "inference_accepted")).toHaveLength(1);
  });

  it("because the engine fails after some output breaks off with an error", async () => {
    const worker = await start({ faults: [{ kind: "error", at: { afterTokens: 3 } }], tokens_per_s: 200 });
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("hi"));
    submit(worker, sealed);
    const { terminal, answer } = await answerOf(worker, sealed);
    expect(terminal.type).toBe("inference_error");
    expect(answer.isFinal).toBe(false);
    expect(textOf(answer.events)).not.toBe("");
  });
});

describe("cancelling", () => {
  const cancel = (worker: TestWorker, { request }: SealedChat) =>
    worker.pipe.sendControl({ type: "cancel", request_id: request.request_id });

  it("before the body came ends in a cancelled error", async () => {
    const worker = echo;
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("hi"));
    worker.pipe.sendControl({ type: "inference_request", request: sealed.request, reader: "coordinator" });
    cancel(worker, sealed);
    expect(await terminalOf(worker, sealed)).toEqual(error(sealed, "cancelled"));
  });

  it("before the first token ends in a cancelled error, and frees the place", async () => {
    const worker = slow;
    const waiting = await sealChat(worker.ready.encryption_key, chatOf("one"));
    const queued = await sealChat(worker.ready.encryption_key, chatOf("two"));
    submit(worker, waiting);
    submit(worker, queued);
    cancel(worker, queued);
    expect(await terminalOf(worker, queued)).toEqual(error(queued, "cancelled"));
    cancel(worker, waiting);
    expect(await terminalOf(worker, waiting)).toEqual(error(waiting, "cancelled"));
  });

  it("after visible output completes what was delivered", async () => {
    const worker = await start({ tokens_per_s: 50, answerTokens: 2000 });
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("hi", { maxOutputTokens: 2000 }));
    submit(worker, sealed);
    while (worker.frames.length < 3) await once(worker.stream, "data");
    cancel(worker, sealed);
    const { terminal, answer } = await answerOf(worker, sealed);
    expect(terminal).toMatchObject({ type: "inference_complete", finish_reason: "cancelled" });
    expect(answer.isFinal).toBe(true);
    const tokens = answer.events.reduce((sum, event) => sum + ("tokens" in event ? event.tokens : 0), 0);
    expect(tokens).toBeGreaterThan(0);
    expect(tokens).toBeLessThan(2000);
    expect(terminal.type === "inference_complete" && terminal.usage.completion_tokens).toBe(tokens);
    await worker.until((message): message is State => message.type === "state" && message.cancelledAfterOutput === 1);
  });
});

describe("the process", () => {
  it("draws a new encryption key at every start, keeps its device key, and refuses that once others could have read it", async () => {
    const first = await start();
    first.pipe.sendControl({ type: "shutdown" });
    expect(await first.exited).toEqual({ code: WorkerExit.done, signal: null });
    const second = await start();
    expect(second.ready.device_key).toEqual(first.ready.device_key);
    expect(second.ready.encryption_key).not.toBe(first.ready.encryption_key);
    await chmod(path.join(home, "device.pem"), 0o644);
    const third = launch();
    third.pipe.sendControl({ type: "start", keyDirectory: home, engine: { kind: "scripted", script: {} }, models: [] });
    expect(await third.exited).toEqual({ code: WorkerExit.failed, signal: null });
    expect(third.messages.at(-1)).toEqual({ type: "failed", code: "key_exposed" });
  });

  it("signs what it knows itself, whatever the agent claims", async () => {
    const worker = echo;
    worker.pipe.sendControl({
      type: "sign_registration",
      id: 7,
      claims: { version: "9.9.9", runtime_hash: "ab".repeat(32), encryption_key: "forged", weight_hashes: { x: "y" } },
    });
    const signed = await worker.until((message): message is Extract<FromWorker, { type: "signed" }> => message.type === "signed");
    expect(signed.id).toBe(7);
    expect(await verifyClaims(worker.ready.device_key, "registration", signed.jws)).toMatchObject({
      version: "9.9.9",
      runtime_hash: "ab".repeat(32),
      backend: worker.ready.backend,
      encryption_key: worker.ready.encryption_key,
      weight_hashes: { [scriptedModel.id]: scriptedModel.weight_hash },
      sandbox: worker.ready.sandbox,
    });
  });

  it("refuses to sign a challenge that is not of this time", async () => {
    const worker = echo;
    const challenge = { nonce: toBase64(new Uint8Array(32)), timestamp: "2020-01-01T00:00:00Z" };
    worker.pipe.sendControl({ type: "sign_challenge", id: 8, challenge, sessionId: "s" });
    await worker.until(
      (message): message is Extract<FromWorker, { type: "sign_refused" }> => message.type === "sign_refused" && message.id === 8,
    );
  });

  it("reports its load when it changes", async () => {
    const worker = slow;
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("hi"));
    submit(worker, sealed);
    const cancellations = worker.messages.findLast((message): message is State => message.type === "state")?.cancellations ?? 0;
    const isBusy = (message: FromWorker): message is State =>
      message.type === "state" && message.slots[0]?.num_running === 1 && message.requests.open.includes(sealed.request.request_id);
    const busy = await worker.until(isBusy);
    const [{ token_budget_used: tokens } = { token_budget_used: 0 }] = busy.slots;
    const { request_id: id } = sealed.request;
    expect(busy.requests).toMatchObject({ open: [id], counted: [{ id, build: scriptedModel.id, tokens, places: 1 }] });
    worker.pipe.sendControl({ type: "cancel", request_id: sealed.request.request_id });
    await terminalOf(worker, sealed);
    const isFree = (message: FromWorker): message is State =>
      message.type === "state" && message.cancellations > cancellations && message.slots[0]?.num_running === 0;
    const free = await worker.until(isFree);
    expect(free.slots).toMatchObject([{ model: scriptedModel.id, num_waiting: 0 }]);
    expect(free.requests).toEqual({ received: busy.requests.received, open: [], counted: [] });
  });

  it("reports a model that cannot be loaded, and goes on without it", async () => {
    const worker = await start({ faults: [{ kind: "error", at: "load" }] });
    expect(worker.ready).toMatchObject({ models: [], failures: [{ build: scriptedModel.id, code: "internal" }] });
  });

  it("ends when the agent is gone", async () => {
    const worker = await start();
    worker.stream.destroy();
    expect(await worker.exited).toEqual({ code: WorkerExit.done, signal: null });
  });

  it("ends when the pipe carries what is no message", async () => {
    const worker = await start();
    worker.stream.write(Buffer.from([0, 0, 0, 1, 9, 0]));
    expect(await worker.exited).toEqual({ code: WorkerExit.brokenPipe, signal: null });
  });

  it("is not ended by the signals a terminal or a service manager sends to everybody, nor opened to a debugger", async () => {
    const worker = echo;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const) worker.child.kill(signal);
    const sealed = await sealChat(worker.ready.encryption_key, chatOf("still there?"));
    submit(worker, sealed);
    expect((await terminalOf(worker, sealed)).type).toBe("inference_complete");
    expect(Buffer.concat(worker.bytes).includes("Debugger listening")).toBe(false);
  });

  it("touches no key while a debugger is attached", async () => {
    const worker = launch(["--inspect=127.0.0.1:0"]);
    worker.pipe.sendControl({ type: "start", keyDirectory: home, engine: { kind: "scripted", script: {} }, models: [] });
    expect(await worker.exited).toEqual({ code: WorkerExit.failed, signal: null });
    expect(worker.messages.at(-1)).toEqual({ type: "failed", code: "inspector_attached" });
    expect(await readdir(home)).toEqual([]);
  });
});
