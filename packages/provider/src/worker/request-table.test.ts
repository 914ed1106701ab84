import { encodeFrame, FrameKind, type InferenceRequest, inferenceRequest, toBase64 } from "@umbel/protocol";
import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { WORKER_LIMITS } from "./limits.js";
import { createRequestTable, type RequestTable } from "./request-table.js";

const requestId = inferenceRequest.shape.request_id.parse("5f0c9a52-6a3a-4b3e-9d0c-0a7a3f1f2b11");
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
  body_bytes: 3,
};
const bodyFrame = (payload: Uint8Array, sequence = 0) => encodeFrame({ kind: FrameKind.requestBody, requestId, sequence, payload });
const body = new Uint8Array([1, 2, 3]);

let clock: FakeClock;
let table: RequestTable;
beforeEach(() => {
  clock = createFakeClock();
  table = createRequestTable(clock);
});

describe("sealed body", () => {
  it("is paired with its request, once", async () => {
    const opened = table.open(request);
    expect(table.body(bodyFrame(body))).toBe(true);
    expect(await opened.body).toEqual(body);
    expect(table.body(bodyFrame(body))).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ["of another size than announced", bodyFrame(new Uint8Array(4))],
    ["that is not the first frame", bodyFrame(body, 1)],
  ])("%s fails the request", async (_name, frame) => {
    const opened = table.open(request);
    table.body(frame);
    await expect(opened.body).rejects.toMatchObject({ errorClass: "client_request" });
  });

  it("that does not come in time fails the request", async () => {
    const opened = table.open(request);
    const failed = expect(opened.body).rejects.toMatchObject({ errorClass: "timeout" });
    await clock.advance(WORKER_LIMITS.bodyWait_ms);
    await failed;
    expect(table.body(bodyFrame(body))).toBe(false);
  });

  it("without a request, or that is no frame, is dropped", () => {
    expect(table.body(bodyFrame(body))).toBe(false);
    expect(table.body(new Uint8Array(3))).toBe(false);
  });
});

describe("cancelling", () => {
  it("ends the wait for a body", async () => {
    const opened = table.open(request);
    expect(table.cancel(requestId)).toBe(true);
    await expect(opened.body).rejects.toMatchObject({ errorClass: "cancelled" });
    expect(opened.signal.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it("reaches a request whose body has come, and all of them at once", () => {
    const opened = table.open(request);
    table.body(bodyFrame(body));
    table.cancelAll();
    expect(opened.signal.aborted).toBe(true);
  });

  it("of an unknown or ended request does nothing", () => {
    expect(table.cancel(requestId)).toBe(false);
    table.body(bodyFrame(body));
    table.open(request).body.catch(() => undefined);
    table.cancel(requestId);
    table.close(requestId);
    expect(table.size).toBe(0);
    expect(table.cancel(requestId)).toBe(false);
  });
});
