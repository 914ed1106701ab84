import type { InferenceRequest, RequestId } from "@umbel/protocol";
import type { AttemptOutcome, Decision, Placed } from "@umbel/routing";
import { describe, expect, it } from "vitest";
import { WriteError } from "../connection/socket-writer.js";
import type { ServingProvider } from "../types.js";
import { type AttemptHost, LiveAttempt } from "./live-attempt.js";

const REQUEST_ID = "6f1c2a8e-94b1-4c39-8f5a-2d6b7e0c1a34" as RequestId;
const MESSAGE = { type: "inference_request", request_id: REQUEST_ID } as InferenceRequest;

function setUp(write: AttemptHost["write"] = () => ({ written: Promise.resolve(), withdraw: () => false })) {
  const outcomes: AttemptOutcome[] = [];
  const cancels: RequestId[] = [];
  const released: string[] = [];
  const waits_ms: number[] = [];
  const now = { ms: 0 };
  const host: AttemptHost = {
    write,
    numbered: () => 7,
    cancelRequest: (requestId) => cancels.push(requestId),
    holdAnswer: () => false,
    checkReceipt: async () => true,
    violate: () => undefined,
    overflowed: () => undefined,
    judged: (_, outcome) => outcomes.push(outcome),
    showedContent: (_, wait_ms) => waits_ms.push(wait_ms),
    now_ms: () => now.ms,
    released: (_, provider) => released.push(provider),
  };
  const reservation = {
    requestId: REQUEST_ID,
    build: "b",
    weightHash: "",
    needsTools: false,
    began_ms: 0,
    promptTokens: 1,
    placed: {} as Placed,
    decision: {} as Decision,
  };
  return { attempt: new LiveAttempt(reservation, {} as ServingProvider, host), outcomes, cancels, released, waits_ms, now };
}

describe("what an attempt says of its machine", () => {
  it("is a failed send when its socket cannot take the request", async () => {
    const { attempt, outcomes, cancels, released } = setUp(() => {
      throw new WriteError("queue_full");
    });
    await expect(attempt.send(MESSAGE, new Uint8Array(1))).rejects.toMatchObject({ code: "queue_full" });
    attempt.release();
    expect({ outcomes, cancels, released }).toEqual({ outcomes: ["send_failed"], cancels: [], released: ["silenced"] });
  });

  it("is said once: a deadline that passed is not taken back by a late refusal", async () => {
    const { attempt, outcomes } = setUp();
    await attempt.send(MESSAGE, new Uint8Array(1));
    attempt.reportTimeout();
    attempt.fail({ type: "inference_error", request_id: REQUEST_ID, error_class: "cancelled" });
    attempt.release();
    expect(outcomes).toEqual(["timeout"]);
  });

  it("is nothing when it was reserved and given back", () => {
    const { attempt, outcomes, cancels, released } = setUp();
    attempt.release();
    expect({ outcomes, cancels, released }).toEqual({ outcomes: ["neutral"], cancels: [], released: ["silenced"] });
  });

  it("is the provider's own word when it fails", async () => {
    const { attempt, outcomes } = setUp();
    await attempt.send(MESSAGE, new Uint8Array(1));
    attempt.fail({ type: "inference_error", request_id: REQUEST_ID, error_class: "load_failed_memory" });
    expect(outcomes).toEqual(["load_failed_memory"]);
  });
});

describe("an attempt", () => {
  it("is sent once", async () => {
    const { attempt } = setUp();
    await attempt.send(MESSAGE, new Uint8Array(1));
    await expect(attempt.send(MESSAGE, new Uint8Array(1))).rejects.toThrow("once");
  });

  it("may hear more from its provider when it is given up before the terminal", async () => {
    const { attempt, released } = setUp();
    await attempt.send(MESSAGE, new Uint8Array(1));
    attempt.release();
    expect(released).toEqual(["may_still_send"]);
  });
});

describe("the wait for an attempt's first content", () => {
  it("is counted from its sending, once", async () => {
    const { attempt, waits_ms, now } = setUp();
    attempt.reportContent();
    now.ms = 100;
    await attempt.send(MESSAGE, new Uint8Array(1));
    now.ms = 350;
    attempt.reportContent();
    attempt.reportContent();
    expect(waits_ms).toEqual([250]);
  });
});
