import type { ChatEvent } from "@umbel/dialects";
import { FRAME_HEADER_BYTES, inferenceRequest, utf8 } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import type { ChatModel } from "../chat/index.js";
import { Departures } from "./departures.js";
import type { CounterName } from "./pipe-messages.js";
import type { LoadProgress, ModelUse } from "./resident-models.js";
import { type ServeOptions, serveRequest } from "./serve-request.js";
import { chatOf } from "./testing/index.js";

const clock = createFakeClock();
const chat = chatOf("hi");
const request = inferenceRequest.parse({
  ...{ type: "inference_request", request_id: "5f0c9a52-6a3a-4b3e-9d0c-0a7a3f1f2b11", attempt: 0, build_id: chat.model },
  ...{ max_output_tokens: 64, prompt_tokens_estimate: 1, deadline_ms: 1, body_bytes: 3, suite: "x25519-sha256-aes256gcm" },
  wrap: { enc: Buffer.alloc(32).toString("base64"), ct: Buffer.alloc(48).toString("base64") },
});
/** Seals nothing: what is counted does not depend on it. */
const vault = {
  drawResponseNonce: () => new Uint8Array(16),
  openRequest: async () => ({
    plaintext: utf8(JSON.stringify(chat)),
    sealer: { sequence: 0, sealFrame: async () => new Uint8Array(FRAME_HEADER_BYTES + 1) },
  }),
  signReceipt: async () => "a.b.c",
} as unknown as ServeOptions["vault"];

const started: ChatEvent = { type: "started", promptTokens: 3, cachedPromptTokens: 0 };
const text = (words: string): ChatEvent => ({ type: "text", text: words, tokens: 1 });
const usage = { promptTokens: 3, completionTokens: 1, reasoningTokens: 0, cachedPromptTokens: 0 };
const end = (reason: "stop" | "cancelled"): ChatEvent => ({ type: "finish", reason, usage });

type Answer = (controller: AbortController) => AsyncIterable<ChatEvent>;
type Loading = (onLoading: (progress: LoadProgress) => void, controller: AbortController) => Promise<void>;

/** What is counted of one request that is answered so. */
async function countedOf(answer: Answer, load: Loading = async () => undefined): Promise<readonly CounterName[]> {
  const counted: CounterName[] = [];
  const controller = new AbortController();
  const model = { run: () => answer(controller) } as unknown as ChatModel;
  await serveRequest({
    request,
    body: Promise.resolve(new Uint8Array(3)),
    useModel: async (onLoading) => {
      await load(onLoading, controller);
      return { model, weightHash: "0".repeat(64), release: () => undefined } as unknown as ModelUse;
    },
    ...{ vault, clock, departures: new Departures(clock), signal: controller.signal },
    sink: { congested: false, sendWire: () => undefined, drained: async () => undefined },
    forward: () => undefined,
    counted: (what) => counted.push(what),
  });
  return counted;
}

describe("of an answer is counted", () => {
  it("nothing but what it took, where it ends as it should", async () => {
    const counted = await countedOf(async function* () {
      yield* [started, text("yes"), end("stop")];
    });
    expect(counted).toEqual([]);
  });

  it("that it was cancelled, by whether it had begun, and was waiting for its model", async () => {
    const afterwards = await countedOf(async function* (controller) {
      yield* [started, text("yes")];
      controller.abort();
      yield end("cancelled");
    });
    expect(afterwards).toEqual(["cancelledAfterOutput"]);
    const before = await countedOf(async function* (controller) {
      controller.abort();
      yield* [started, end("cancelled")];
    });
    expect(before).toEqual(["cancelledBeforeOutput"]);
    const meanwhile = await countedOf(
      async function* () {
        yield end("stop");
      },
      async (onLoading, controller) => {
        onLoading({ progress: 0.5, eta_ms: undefined });
        controller.abort();
        throw controller.signal.reason;
      },
    );
    expect(meanwhile).toEqual(["cancelledBeforeOutput", "cancelledWhileLoading"]);
  });

  it("that it failed after it had begun, did not say how it ended or what it took, or could not be sealed", async () => {
    const failed = await countedOf(async function* () {
      yield* [started, text("yes")];
      throw new Error("the engine failed");
    });
    expect(failed).toEqual(["errorsAfterOutput"]);
    const silent = await countedOf(async function* () {
      yield started;
    });
    expect(silent).toEqual(["endsMissing"]);
    const unaccounted = await countedOf(async function* (controller) {
      yield* [started, text("yes")];
      controller.abort();
      throw controller.signal.reason;
    });
    expect(unaccounted).toEqual(["usageMissing", "cancelledAfterOutput"]);
    const tooLarge = await countedOf(async function* () {
      yield* [started, text("x".repeat(2 ** 21)), end("stop")];
    });
    expect(tooLarge).toEqual(["errorsAfterOutput", "sealingErrors"]);
  });
});
