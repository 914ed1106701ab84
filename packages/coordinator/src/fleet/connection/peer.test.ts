import { encodeFrame, FrameKind, type RequestId, WIRE_LIMITS } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestFleet, type TestFleet } from "../testing/index.js";

let test: TestFleet;
beforeEach(async () => {
  test = await startTestFleet();
});
afterEach(() => test.close());

const MALFORMED = [
  "{",
  "[]",
  '"register"',
  '{"no":"type"}',
  '{"type":7}',
  '{"type":"heartbeat","status":"asleep"}',
  `{"type":"heartbeat","pad":"${"x".repeat(WIRE_LIMITS.controlMessage_bytes_max)}"}`,
];

describe("frames that cannot be read", () => {
  it.each(MALFORMED.map((text) => [text.slice(0, 40), text]))("are counted and answered: %s", async (_, text) => {
    const provider = await test.connect();
    provider.sendText(text);
    expect(await provider.receive("protocol_error")).toMatchObject({ reason: "malformed" });
    expect(await test.event("frame_ignored")).toMatchObject({ reason: "malformed" });
    expect(test.fleet.connected()).toBe(1);
  });

  it.each([
    ["too short", new Uint8Array(20)],
    ["of unknown kind", new Uint8Array(40).fill(9)],
    [
      "a request body",
      encodeFrame({ kind: FrameKind.requestBody, requestId: crypto.randomUUID() as RequestId, sequence: 0, payload: new Uint8Array(1) }),
    ],
  ])("are counted when binary: %s", async (_, frame) => {
    const provider = await test.connect();
    provider.sendBinary(frame);
    expect(await provider.receive("protocol_error")).toMatchObject({ reason: "malformed" });
  });

  it("end the connection with 1007 when there are more than 20 in a minute", async () => {
    const provider = await test.connect();
    for (let i = 0; i < WIRE_LIMITS.malformedFrames_max; i++) provider.sendText("{");
    for (let i = 0; i < WIRE_LIMITS.malformedFrames_max; i++) await provider.receive("protocol_error");
    expect(test.fleet.connected()).toBe(1);
    provider.sendText("{");
    expect(await provider.closed).toEqual({ code: 1007, reason: "too many malformed frames" });
  });

  it("are forgiven after a minute", async () => {
    const provider = await test.connect();
    for (let i = 0; i < WIRE_LIMITS.malformedFrames_max; i++) provider.sendText("{");
    for (let i = 0; i < WIRE_LIMITS.malformedFrames_max; i++) await provider.receive("protocol_error");
    await test.clock.advance(WIRE_LIMITS.malformedFrames_window_ms);
    provider.sendText("{");
    await provider.receive("protocol_error");
    expect(test.fleet.connected()).toBe(1);
  });

  it("are tolerated without end when only their type is unknown, and answered 20 times a minute", async () => {
    const provider = await test.connect();
    for (let i = 0; i < 60; i++) provider.sendText('{"type":"from_the_future"}');
    provider.sendText("{");
    for (let i = 0; i < WIRE_LIMITS.malformedFrames_max; i++) {
      expect(await provider.receive("protocol_error")).toMatchObject({ reason: "unknown_type", message_type: "from_the_future" });
    }
    expect(await provider.receive("protocol_error")).toMatchObject({ reason: "malformed" });
    expect(test.fleet.connected()).toBe(1);
  });

  it("are refused by size before they are read: over 10 MiB closes with 1009", async () => {
    const provider = await test.connect();
    provider.sendBinary(new Uint8Array(WIRE_LIMITS.frameToCoordinator_bytes_max + 1));
    expect((await provider.closed).code).toBe(1009);
    await expect.poll(() => test.fleet.connected()).toBe(0);
  });
});

describe("liveness of a socket", () => {
  it("is asked for by a ping every 20 seconds", async () => {
    const provider = await test.connect();
    const pinged = new Promise((resolve) => provider.socket.once("ping", resolve));
    await test.clock.advance(20_000);
    await pinged;
  });

  it("is lost after two pings without any sign of life", async () => {
    const provider = await test.connect();
    provider.socket.pause();
    await test.clock.advance(40_000);
    expect(test.fleet.connected()).toBe(1);
    await test.clock.advance(20_000);
    expect(test.fleet.connected()).toBe(0);
    expect(await test.event("disconnected")).toMatchObject({ reason: "no_pong" });
    provider.socket.resume();
  });
});
