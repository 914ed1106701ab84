import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type ChatEvent, chatRequest } from "@umbel/dialects";
import { fromBase64, type ModelInfo, validateManifest } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chatOf, scriptedModel, sealChat } from "./testing/index.js";
import { answerOf, launchWorker, type ReadyWorker, startWorker, submit, terminalOf } from "./testing/process.js";

const directory = fileURLToPath(new URL("../../../../models/sprout-embed", import.meta.url));
const manifest = validateManifest(JSON.parse(readFileSync(path.join(directory, "manifest.json"), "utf8")));
const bundled: ModelInfo = {
  id: manifest.model_id,
  size_bytes: manifest.total_size_bytes,
  format: "gguf",
  context_length: 2048,
  weight_hash: manifest.aggregate_sha256,
  capabilities: ["embedding"],
};
const scripted: ModelInfo = { ...scriptedModel, id: "scripted-vectors", capabilities: ["embedding"] };

let home: string;
let worker: ReadyWorker | undefined;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-worker-"));
  await chmod(home, 0o700);
});
afterEach(async () => {
  worker?.child.kill("SIGKILL");
  await worker?.exited;
  await rm(home, { recursive: true });
});

const vectorsAsked = (model: string, ...inputs: string[]) =>
  chatRequest.parse({ model, messages: [], task: { type: "embedding", inputs }, maxOutputTokens: 1 });

function vectorsOf(events: readonly ChatEvent[]): Float32Array[] {
  return events.flatMap((event) => (event.type === "embedding" ? [new Float32Array(fromBase64(event.vector).slice().buffer)] : []));
}

describe("a worker with a build for answers and one for vectors", () => {
  it("serves each with its own kind, and neither with the other's", async () => {
    worker = await startWorker(launchWorker(), {
      keyDirectory: home,
      engine: { kind: "scripted", script: { answer: { kind: "echo" } } },
      models: [scripted, scriptedModel].map((info) => ({ info, path: "", sequences: 4 })),
    });
    expect(worker.ready).toMatchObject({ models: [{ id: "scripted-vectors" }, { id: "scripted-1" }], failures: [] });
    const key = worker.ready.encryption_key;

    const inputs = Array.from({ length: 300 }, (_, i) => `input ${i}`);
    const vectors = await sealChat(key, vectorsAsked("scripted-vectors", ...inputs));
    submit(worker, vectors);
    const { terminal, answer } = await answerOf(worker, vectors);
    expect(answer.events.flatMap((event) => (event.type === "embedding" ? event.index : []))).toEqual(inputs.map((_, i) => i));
    expect(terminal).toMatchObject({ type: "inference_complete", finish_reason: "stop", usage: { completion_tokens: 0 } });
    expect(answer.isFinal).toBe(true);

    for (const wrong of [vectorsAsked("scripted-1", "hi"), { ...chatOf("hi"), model: "scripted-vectors" }]) {
      const sealed = await sealChat(key, wrong);
      submit(worker, sealed);
      expect(await terminalOf(worker, sealed)).toMatchObject({
        type: "inference_error",
        error_class: "client_request",
        param: "model",
      });
    }
    const chat = await sealChat(key, chatOf("still there?"));
    submit(worker, chat);
    expect(await terminalOf(worker, chat)).toMatchObject({ type: "inference_complete" });
  });
});

describe("a worker whose engine has no eyes", () => {
  it("does not offer a build's image input", async () => {
    worker = await startWorker(launchWorker(), {
      keyDirectory: home,
      engine: { kind: "scripted", script: {} },
      models: [{ info: { ...scriptedModel, capabilities: ["chat", "vision", "tools"] }, path: "", sequences: 4 }],
    });
    expect(worker.ready.models).toMatchObject([{ capabilities: ["chat", "tools"] }]);
  });
});

describe("a worker with the bundled embedding model alone", () => {
  it("makes vectors of its verified weights, and says how fast it reads", async () => {
    worker = await startWorker(launchWorker(), {
      keyDirectory: home,
      engine: { kind: "llama.cpp", threads_max: 1, gpuLayers: 0 },
      models: [{ info: bundled, path: path.join(directory, `${bundled.id}.gguf`), sequences: 4, artifact: { directory, manifest } }],
    });
    expect(worker.ready.failures).toEqual([]);
    expect(worker.ready.prefill_tps).toBeGreaterThan(0);
    const sealed = await sealChat(worker.ready.encryption_key, vectorsAsked(bundled.id, "A dog ran home.", "Hello!", "A dog ran home."));
    submit(worker, sealed);
    const { terminal, answer } = await answerOf(worker, sealed);
    const [first, second, third] = vectorsOf(answer.events);
    expect(first).toHaveLength(192);
    expect(Math.hypot(...(first ?? []))).toBeCloseTo(1, 5);
    expect(third).toEqual(first);
    expect(second).not.toEqual(first);
    const started = answer.events.find((event) => event.type === "started");
    expect(terminal).toMatchObject({ type: "inference_complete", usage: { prompt_tokens: started?.promptTokens, completion_tokens: 0 } });
  });
});
