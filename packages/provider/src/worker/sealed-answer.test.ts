import type { ChatEvent } from "@umbel/dialects";
import { createChunkSealer, createDigestChain, decodeFrame, inferenceRequest, WIRE_LIMITS } from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { describe, expect, it } from "vitest";
import { createSealedAnswer } from "./sealed-answer.js";

const requestId = inferenceRequest.shape.request_id.parse("5f0c9a52-6a3a-4b3e-9d0c-0a7a3f1f2b11");

async function answerInto(sink: { congested: boolean; drained?: () => Promise<void> }) {
  const frames: Uint8Array[] = [];
  const sealer = await createChunkSealer(nativeCrypto, {
    requestId,
    responseSecret: new Uint8Array(32),
    responseNonce: new Uint8Array(16),
    recipientPublicKey: new Uint8Array(32),
    suite: "x25519-sha256-aes256gcm",
  });
  const answer = createSealedAnswer(requestId, sealer, {
    sendWire: (frame) => frames.push(frame),
    get congested() {
      return sink.congested;
    },
    drained: sink.drained ?? (() => Promise.resolve()),
  });
  return { answer, frames };
}

const text = (length: number): ChatEvent => ({ type: "text", text: "x".repeat(length), tokens: 1 });

describe("sealed answer", () => {
  it("is one frame for what is written at once, numbered and digested in order", async () => {
    const { answer, frames } = await answerInto({ congested: false });
    await answer.write([text(1), text(2)], "more");
    await answer.write([text(3)], "final");
    const decoded = frames.map(decodeFrame);
    expect(decoded.map((frame) => frame.sequence)).toEqual([0, 1]);
    const chain = createDigestChain(requestId);
    for (const frame of decoded) chain.update(frame.payload);
    expect(answer.digest()).toBe(chain.digest());
    expect(answer.chunks).toBe(2);
  });

  it("is split where it would be larger than a chunk may be", async () => {
    const { answer, frames } = await answerInto({ congested: false });
    const large = Math.ceil(WIRE_LIMITS.chunk_bytes_max * 0.6);
    await answer.write([text(large), text(large)], "final");
    expect(frames).toHaveLength(2);
  });

  it("fails when one event alone is larger", async () => {
    const { answer } = await answerInto({ congested: false });
    await expect(answer.write([text(WIRE_LIMITS.chunk_bytes_max)], "final")).rejects.toMatchObject({ errorClass: "internal" });
  });

  it("waits while the agent does not keep up", async () => {
    let release: () => void = () => undefined;
    const { answer, frames } = await answerInto({
      congested: true,
      drained: () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    });
    let isWritten = false;
    const writing = answer.write([text(1)], "more").then(() => {
      isWritten = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([frames.length, isWritten]).toEqual([1, false]);
    release();
    await writing;
  });
});
