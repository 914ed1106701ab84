import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../bytes.js";
import { webCrypto } from "../crypto/web-crypto.js";
import { decodeFrame, FrameKind } from "../frames.js";
import { WIRE_LIMITS } from "../limits.js";
import { nativeCrypto } from "../native/native-crypto.js";
import type { ChunkOptions } from "./chunk-key.js";
import { createChunkOpener } from "./chunk-opener.js";
import { createChunkSealer } from "./chunk-sealer.js";
import { agreeOnChunks, chachaSuite, directions, flipped, requestA, requestB } from "./testing/exchange.js";

const contents = ["one", "two", "three"].map(utf8);

/** The provider seals; who sent the request opens. */
describe.each(directions)("the chunks of a response, %s", (_, provider, reader) => {
  async function ends(change: Partial<ChunkOptions> = {}) {
    const { atSender, atProvider } = await agreeOnChunks(reader, provider, change);
    return { atSender, sealer: await createChunkSealer(provider, atProvider), opener: await createChunkOpener(reader, atSender) };
  }

  async function sealAll(change: Partial<ChunkOptions> = {}) {
    const { atSender, sealer, opener } = await ends(change);
    const sealed: Uint8Array[] = [];
    for (const [index, content] of contents.entries()) {
      sealed.push(await sealer.seal(content, index === contents.length - 1 ? "final" : "more"));
    }
    const [first = new Uint8Array(0), second = new Uint8Array(0), last = new Uint8Array(0)] = sealed;
    return { atSender, sealer, opener, first, second, last };
  }

  it.each(["none", "64"] as const)("arrive in order and whole, with padding %s", async (padding) => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(chunks, async (parts) => {
        const { sealer, opener } = await ends({ padding });
        for (const [index, part] of parts.entries()) {
          const final = index === parts.length - 1;
          expect(sealer.sequence).toBe(index);
          const ciphertext = await sealer.seal(part, final ? "final" : "more");
          expect(opener.ended).toBe(false);
          expect(await opener.open(index, ciphertext)).toEqual({ plaintext: part, final });
        }
        expect(sealer.ended).toBe(true);
        expect(opener.ended).toBe(true);
      }),
      { numRuns: 8 },
    );
  });

  it("can be sealed as whole frames", async () => {
    const { sealer, opener } = await ends();
    const frames = [await sealer.sealFrame(utf8("one"), "more"), await sealer.sealFrame(utf8("two"), "final")].map(decodeFrame);
    for (const [index, frame] of frames.entries()) {
      expect(frame).toMatchObject({ kind: FrameKind.responseChunk, requestId: requestA, sequence: index });
      expect(await opener.open(frame.sequence, frame.payload)).toMatchObject({ final: index === 1 });
    }
  });

  it("may be sealed and opened without waiting in between", async () => {
    const { sealer, opener } = await ends();
    const frames = await Promise.all(contents.map((content, index) => sealer.sealFrame(content, index === 2 ? "final" : "more")));
    const opened = await Promise.all(frames.map(decodeFrame).map((frame) => opener.open(frame.sequence, frame.payload)));
    expect(opened.map((chunk) => chunk.plaintext)).toEqual(contents);
    expect(opener.ended).toBe(true);
  });

  it("do not open with any byte changed", async () => {
    const { atSender, first } = await sealAll();
    for (let index = 0; index < first.length; index++) {
      const opener = await createChunkOpener(reader, atSender);
      await expect(async () => opener.open(0, flipped(first, index))).rejects.toMatchObject({ code: "authentication" });
    }
  });

  it("do not open in another place, even if the sequence is changed with them", async () => {
    const { opener, second } = await sealAll();
    await expect(async () => opener.open(0, second)).rejects.toMatchObject({ code: "authentication" });
  });

  it("show a gap, a repeat and a swap", async () => {
    for (const order of [[1], [0, 0], [0, 2], [0, 1, 1], [0, 1, 0]]) {
      const { opener, first, second, last } = await sealAll();
      const chunks = [first, second, last];
      const open = async (sequence = 0) => opener.open(sequence, chunks[sequence] ?? first);
      for (const sequence of order.slice(0, -1)) await open(sequence);
      await expect(open(order.at(-1))).rejects.toMatchObject({ code: "out_of_order" });
    }
  });

  it("show truncation: without the final chunk the response has not ended", async () => {
    const { opener, first, second } = await sealAll();
    await opener.open(0, first);
    expect(await opener.open(1, second)).toMatchObject({ final: false });
    expect(opener.ended).toBe(false);
  });

  it("cannot follow the final one", async () => {
    const { sealer, opener, first, second, last } = await sealAll();
    expect(() => sealer.seal(utf8("more"), "more")).toThrow(expect.objectContaining({ code: "after_final" }));
    await opener.open(0, first);
    await opener.open(1, second);
    await opener.open(2, last);
    await expect(async () => opener.open(3, first)).rejects.toMatchObject({ code: "after_final" });
    expect(opener.ended).toBe(true);
  });

  it("do not open for another request, provider key, nonce or secret", async () => {
    const { atSender, first } = await sealAll();
    const others: Partial<ChunkOptions>[] = [
      { requestId: requestB },
      { recipientPublicKey: flipped(atSender.recipientPublicKey, 0) },
      { responseNonce: flipped(atSender.responseNonce, 15) },
      { responseSecret: flipped(atSender.responseSecret, 31) },
    ];
    for (const other of others) {
      const opener = await createChunkOpener(reader, { ...atSender, ...other });
      await expect(async () => opener.open(0, first)).rejects.toMatchObject({ code: "authentication" });
    }
  });

  it("stay refused after the first failure", async () => {
    const { opener, first, second } = await sealAll();
    await expect(async () => opener.open(0, flipped(first, 0))).rejects.toMatchObject({ code: "authentication" });
    await expect(async () => opener.open(0, first)).rejects.toMatchObject({ code: "authentication" });
    await expect(async () => opener.open(1, second)).rejects.toMatchObject({ code: "authentication" });
  });

  it("are malformed when there is no room for flag and tag", async () => {
    const { opener } = await sealAll();
    await expect(async () => opener.open(0, new Uint8Array(16))).rejects.toMatchObject({ code: "malformed" });
  });

  it("hide their exact length behind 64-byte classes when padded", async () => {
    const { sealer } = await ends({ padding: "64" });
    const lengths: number[] = [];
    for (const length of [0, 1, 59, 60, 123, 124]) lengths.push((await sealer.seal(new Uint8Array(length), "more")).length - 16);
    expect(lengths).toEqual([64, 64, 64, 128, 128, 192]);
  });
});

describe("the chunks of a response", () => {
  it("may have the largest permitted size and not one byte more, on either side", async () => {
    const { atSender, atProvider } = await agreeOnChunks(nativeCrypto, nativeCrypto, { padding: "64" });
    const sealer = await createChunkSealer(nativeCrypto, atProvider);
    const opener = await createChunkOpener(nativeCrypto, atSender);
    const tooLarge = new Uint8Array(WIRE_LIMITS.chunk_bytes_max + 1);
    expect(() => sealer.seal(tooLarge, "more")).toThrow(expect.objectContaining({ code: "too_large" }));
    const largest = await sealer.seal(tooLarge.subarray(1), "more");
    expect((await opener.open(0, largest)).plaintext).toHaveLength(WIRE_LIMITS.chunk_bytes_max);
    expect(() => opener.open(1, new Uint8Array(largest.length + 1))).toThrow(expect.objectContaining({ code: "too_large" }));
  });

  it("are ready at once with the native supplier", async () => {
    const { atSender, atProvider } = await agreeOnChunks(nativeCrypto, nativeCrypto);
    const sealed = (await createChunkSealer(nativeCrypto, atProvider)).sealFrame(utf8("one"), "final");
    expect(sealed).toBeInstanceOf(Uint8Array);
    const opened = (await createChunkOpener(nativeCrypto, atSender)).open(0, decodeFrame(await sealed).payload);
    expect(opened).toEqual({ plaintext: utf8("one"), final: true });
  });

  it("can use ChaCha20-Poly1305 where the supplier has it", async () => {
    const { atSender, atProvider } = await agreeOnChunks(nativeCrypto, nativeCrypto, { suite: chachaSuite });
    const sealed = await (await createChunkSealer(nativeCrypto, atProvider)).seal(utf8("one"), "final");
    expect(await (await createChunkOpener(nativeCrypto, atSender)).open(0, sealed)).toEqual({ plaintext: utf8("one"), final: true });
    await expect(createChunkOpener(webCrypto, atSender)).rejects.toMatchObject({ code: "unsupported_cipher" });
  });

  it("need a secret, a nonce and a key of the right lengths", async () => {
    const { atSender } = await agreeOnChunks(nativeCrypto, nativeCrypto);
    for (const field of ["responseSecret", "responseNonce", "recipientPublicKey"] as const) {
      const creating = createChunkOpener(nativeCrypto, { ...atSender, [field]: atSender[field].subarray(1) });
      await expect(creating).rejects.toMatchObject({ code: "malformed" });
    }
  });

  it("of two attempts with the same wrap share no key, because each draws its nonce", async () => {
    const { atProvider } = await agreeOnChunks(nativeCrypto, nativeCrypto);
    const again = { ...atProvider, responseNonce: new Uint8Array(16).fill(6) };
    const [first, second] = [await createChunkSealer(nativeCrypto, atProvider), await createChunkSealer(nativeCrypto, again)];
    expect(await first.seal(utf8("same"), "more")).not.toEqual(await second.seal(utf8("same"), "more"));
  });
});
