import { encodeFrame, FrameKind, type FromProvider, type InferenceRequest, inferenceRequest, toBase64 } from "@umbel/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { Relay } from "./relay.js";
import type { Ready, WorkerSupervisor } from "./worker-supervisor.js";

type ToWorker = Parameters<WorkerSupervisor["send"]>[0];

const idOf = (digit: number) => inferenceRequest.shape.request_id.parse(`5f0c9a52-6a3a-4b3e-9d0c-0a7a3f1f2b1${digit}`);
const requestOf = (digit: number): InferenceRequest => ({
  type: "inference_request",
  request_id: idOf(digit),
  attempt: 0,
  build_id: "tiny",
  max_output_tokens: 1,
  prompt_tokens_estimate: 1,
  deadline_ms: 1,
  suite: "x25519-sha256-aes256gcm",
  wrap: { enc: toBase64(new Uint8Array(32)), ct: toBase64(new Uint8Array(48)) },
  body_bytes: 1,
});
const bodyOf = (digit: number) =>
  encodeFrame({ kind: FrameKind.requestBody, requestId: idOf(digit), sequence: 0, payload: new Uint8Array(1) });
const chunkOf = (digit: number) =>
  encodeFrame({ kind: FrameKind.responseChunk, requestId: idOf(digit), sequence: 0, payload: new Uint8Array(1) });
const errorOf = (digit: number, error_class: "internal" | "cancelled" = "internal") =>
  ({ type: "inference_error", request_id: idOf(digit), error_class }) as const;

class Coordinator {
  readonly sent: FromProvider[] = [];
  readonly frames: Uint8Array[] = [];
  readonly flow: string[] = [];
  isCongested = false;
  isFlooded = false;
  takesFrames = true;
  send(message: FromProvider): void {
    this.sent.push(message);
  }
  sendFrame(frame: Uint8Array): boolean {
    if (this.takesFrames) this.frames.push(frame);
    return this.takesFrames;
  }
  pause(): void {
    this.flow.push("pause");
  }
  resume(): void {
    this.flow.push("resume");
  }
}

class WorkerStub {
  readonly sent: ToWorker[] = [];
  readonly frames: Uint8Array[] = [];
  readonly flow: string[] = [];
  isCongested = false;
  ready: Ready | undefined = {} as Ready;
  requestsGiven = 0;
  drain: () => void = () => undefined;
  send(message: ToWorker): void {
    this.sent.push(message);
  }
  sendFrame(frame: Uint8Array): void {
    this.frames.push(frame);
  }
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.drain = resolve;
    });
  }
  pause(): void {
    this.flow.push("pause");
  }
  resume(): void {
    this.flow.push("resume");
  }
}

let coordinator: Coordinator;
let worker: WorkerStub;
let relay: Relay;
beforeEach(() => {
  coordinator = new Coordinator();
  worker = new WorkerStub();
  relay = new Relay(coordinator, worker);
});

const cancelled = () => worker.sent.filter((message) => message.type === "cancel").map((message) => message.request_id);

describe("work under way", () => {
  it("is carried both ways until its terminal, and forgotten after it", () => {
    relay.onRequest(requestOf(1));
    relay.onBody(bodyOf(1));
    expect(worker.sent).toEqual([{ type: "inference_request", request: requestOf(1), reader: "coordinator" }]);
    expect(worker.frames).toEqual([bodyOf(1)]);
    relay.onFrame(chunkOf(1));
    relay.onForward(errorOf(1));
    relay.onForward(errorOf(1));
    relay.onFrame(chunkOf(1));
    relay.onCancel(idOf(1));
    expect(coordinator.frames).toEqual([chunkOf(1)]);
    expect(coordinator.sent).toEqual([errorOf(1)]);
    expect(cancelled()).toEqual([]);
    expect(relay.inFlight).toBe(0);
  });

  it("is not disturbed by a second request with its id", () => {
    relay.onRequest(requestOf(1));
    relay.onRequest(requestOf(1));
    expect(worker.sent).toHaveLength(1);
    expect(coordinator.sent).toEqual([]);
  });

  it("is cancelled when the coordinator says so", () => {
    relay.onRequest(requestOf(1));
    relay.onCancel(idOf(1));
    relay.onCancel(idOf(2));
    expect(cancelled()).toEqual([idOf(1)]);
  });

  it("never reaches a later connection, and blocks its id until the worker is done with it", () => {
    relay.onRequest(requestOf(1));
    relay.onDisconnected();
    expect(cancelled()).toEqual([idOf(1)]);
    relay.onFrame(chunkOf(1));
    relay.onRequest(requestOf(1));
    expect(coordinator.sent).toEqual([{ type: "inference_error", request_id: idOf(1), error_class: "capacity_slots" }]);
    relay.onForward(errorOf(1, "cancelled"));
    relay.onRequest(requestOf(1));
    expect(worker.sent.filter((message) => message.type === "inference_request")).toHaveLength(2);
    expect(coordinator.frames).toEqual([]);
    expect(coordinator.sent).toHaveLength(1);
  });

  it("is answered for at once when the worker dies", () => {
    relay.onRequest(requestOf(1));
    relay.onRequest(requestOf(2));
    relay.onForward(errorOf(1));
    relay.onWorkerLost();
    expect(coordinator.sent).toEqual([errorOf(1), { type: "inference_error", request_id: idOf(2), error_class: "engine_crash" }]);
    expect(relay.inFlight).toBe(0);
  });

  it("fails visibly when a chunk is larger than the coordinator takes", () => {
    relay.onRequest(requestOf(1));
    coordinator.takesFrames = false;
    relay.onFrame(chunkOf(1));
    relay.onForward(errorOf(1, "cancelled"));
    expect(coordinator.sent).toEqual([errorOf(1)]);
    expect(cancelled()).toEqual([idOf(1)]);
  });
});

describe("refusal", () => {
  const refusal = (digit: number, error_class: string) => ({ type: "inference_error", request_id: idOf(digit), error_class });

  it("comes while there is no worker, and the body that follows is dropped", () => {
    worker.ready = undefined;
    relay.onRequest(requestOf(1));
    relay.onBody(bodyOf(1));
    expect(coordinator.sent).toEqual([refusal(1, "not_loaded")]);
    expect(worker.frames).toEqual([]);
  });

  it("comes from a coordinator's departure to the end of its connection", () => {
    relay.onRequest(requestOf(1));
    relay.onGoingAway();
    relay.onRequest(requestOf(2));
    relay.onDisconnected();
    relay.onRequest(requestOf(3));
    expect(coordinator.sent).toEqual([refusal(2, "draining")]);
    expect(relay.inFlight).toBe(1);
  });

  it("comes while draining, which is over when the last request has ended", async () => {
    relay.onRequest(requestOf(1));
    let isIdle = false;
    const idle = relay.drain().then(() => {
      isIdle = true;
    });
    relay.onRequest(requestOf(2));
    await Promise.resolve();
    expect(isIdle).toBe(false);
    relay.cancelAll();
    expect(cancelled()).toEqual([idOf(1)]);
    relay.onForward(errorOf(1, "cancelled"));
    await idle;
    expect(coordinator.sent).toEqual([refusal(2, "draining"), errorOf(1, "cancelled")]);
  });

  it("is not needed to drain when nothing is under way", async () => {
    await relay.drain();
  });
});

describe("pressure", () => {
  const held = () => worker.sent.flatMap((message) => (message.type === "hold_answers" ? [[message.reader, message.isHeld]] : []));

  it("of a slow coordinator lets its answers wait in the worker, and everything still arrives", () => {
    relay.onRequest(requestOf(1));
    coordinator.isCongested = true;
    relay.onFrame(chunkOf(1));
    relay.onFrame(chunkOf(1));
    expect(held()).toEqual([["coordinator", true]]);
    expect(worker.flow).toEqual([]);
    coordinator.isCongested = false;
    relay.onDrained();
    relay.onDrained();
    expect(held().slice(1)).toEqual([["coordinator", false]]);
    expect(coordinator.frames).toHaveLength(2);
  });

  it("of one slow consumer is passed on for its answer alone, while that is under way", () => {
    relay.onRequest(requestOf(1));
    for (const [number, held] of [
      [1, true],
      [2, true],
      [1, false],
    ] as const)
      relay.onHold({ type: "hold_answer", request_id: idOf(number), held });
    expect(worker.sent.filter(({ type }) => type === "hold_answer")).toEqual([
      { type: "hold_answer", request_id: idOf(1), isHeld: true },
      { type: "hold_answer", request_id: idOf(1), isHeld: false },
    ]);
  });

  it("of one that takes nothing any more stops the worker if it does not wait", () => {
    relay.onRequest(requestOf(1));
    coordinator.isCongested = true;
    coordinator.isFlooded = true;
    relay.onFrame(chunkOf(1));
    expect(worker.flow).toEqual(["pause"]);
    relay.onDrained();
    expect(worker.flow).toEqual(["pause", "resume"]);
  });

  it("is told to the next worker anew", () => {
    relay.onRequest(requestOf(1));
    coordinator.isCongested = true;
    relay.onFrame(chunkOf(1));
    relay.onWorkerLost();
    relay.onRequest(requestOf(2));
    relay.onFrame(chunkOf(2));
    expect(held()).toEqual([
      ["coordinator", true],
      ["coordinator", true],
    ]);
  });

  it("does not outlive its connection", () => {
    relay.onRequest(requestOf(1));
    coordinator.isCongested = true;
    relay.onFrame(chunkOf(1));
    relay.onDisconnected();
    expect(held()).toEqual([
      ["coordinator", true],
      ["coordinator", false],
    ]);
  });

  it("of a slow worker stops the coordinator until there is room", async () => {
    relay.onRequest(requestOf(1));
    worker.isCongested = true;
    relay.onBody(bodyOf(1));
    expect(coordinator.flow).toEqual(["pause"]);
    worker.drain();
    await new Promise((resolve) => setImmediate(resolve));
    expect(coordinator.flow).toEqual(["pause", "resume"]);
  });
});
