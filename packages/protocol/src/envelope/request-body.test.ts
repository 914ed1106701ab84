import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../bytes.js";
import { webCrypto } from "../crypto/web-crypto.js";
import { WIRE_LIMITS } from "../limits.js";
import { nativeCrypto } from "../native/native-crypto.js";
import { openRequestBody, type RequestMetadata, sealRequestBody } from "./request-body.js";
import { chachaSuite, directions, flipped, metadata, requestB, suite } from "./testing/exchange.js";

const plaintext = utf8('{"messages":[]}');

describe.each(directions)("a request body, %s", (_, sender, receiver) => {
  it("opens to what was sealed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (body) => {
        const { contentKey, ciphertext } = await sealRequestBody(sender, { metadata, plaintext: body, suite });
        expect(contentKey).toHaveLength(32);
        expect(ciphertext).toHaveLength(body.length + 16);
        expect(await openRequestBody(receiver, { metadata, contentKey, ciphertext, suite })).toEqual(body);
      }),
      { numRuns: 20 },
    );
  });

  it("does not open with any byte changed", async () => {
    const { contentKey, ciphertext } = await sealRequestBody(sender, { metadata, plaintext, suite });
    for (let index = 0; index < ciphertext.length; index++) {
      const opening = openRequestBody(receiver, { metadata, contentKey, ciphertext: flipped(ciphertext, index), suite });
      await expect(opening).rejects.toMatchObject({ code: "authentication" });
    }
  });

  it("does not open under other metadata", async () => {
    const { contentKey, ciphertext } = await sealRequestBody(sender, { metadata, plaintext, suite });
    const others: RequestMetadata[] = [
      { ...metadata, request_id: requestB },
      { ...metadata, build_id: "sprout-3m-q4_0" },
      { ...metadata, max_output_tokens: metadata.max_output_tokens + 1 },
    ];
    for (const other of others) {
      const opening = openRequestBody(receiver, { metadata: other, contentKey, ciphertext, suite });
      await expect(opening).rejects.toMatchObject({ code: "authentication" });
    }
  });

  it("does not open cut short, extended or under another key", async () => {
    const { contentKey, ciphertext } = await sealRequestBody(sender, { metadata, plaintext, suite });
    const wrong = [
      { contentKey, ciphertext: ciphertext.subarray(0, -1) },
      { contentKey, ciphertext: Uint8Array.of(...ciphertext, 0) },
      { contentKey: flipped(contentKey, 31), ciphertext },
    ];
    for (const input of wrong) {
      await expect(openRequestBody(receiver, { metadata, suite, ...input })).rejects.toMatchObject({ code: "authentication" });
    }
  });

  it("is malformed when shorter than a tag, or with a key of another length", async () => {
    const contentKey = new Uint8Array(32);
    const short = openRequestBody(receiver, { metadata, contentKey, ciphertext: new Uint8Array(15), suite });
    await expect(short).rejects.toMatchObject({ code: "malformed" });
    const badKey = openRequestBody(receiver, { metadata, contentKey: new Uint8Array(16), ciphertext: new Uint8Array(40), suite });
    await expect(badKey).rejects.toMatchObject({ code: "malformed" });
  });
});

describe("a request body", () => {
  it("binds only the clear metadata, not other fields of the object that carries it", async () => {
    const message = { ...metadata, attempt: 1, deadline_ms: 5000 };
    const { contentKey, ciphertext } = await sealRequestBody(nativeCrypto, { metadata: message, plaintext, suite });
    expect(await openRequestBody(nativeCrypto, { metadata, contentKey, ciphertext, suite })).toEqual(plaintext);
  });

  it("has a fresh key each time", async () => {
    const first = await sealRequestBody(nativeCrypto, { metadata, plaintext, suite });
    const second = await sealRequestBody(nativeCrypto, { metadata, plaintext, suite });
    expect(first.contentKey).not.toEqual(second.contentKey);
    expect(first.ciphertext).not.toEqual(second.ciphertext);
  });

  it("may have the largest permitted size and not one byte more, on either side", async () => {
    const largest = new Uint8Array(WIRE_LIMITS.requestBody_bytes_max);
    const { contentKey, ciphertext } = await sealRequestBody(nativeCrypto, { metadata, plaintext: largest, suite });
    const opened = await openRequestBody(nativeCrypto, { metadata, contentKey, ciphertext, suite });
    expect(opened.length).toBe(largest.length);
    const tooLarge = new Uint8Array(largest.length + 1);
    await expect(sealRequestBody(nativeCrypto, { metadata, plaintext: tooLarge, suite })).rejects.toMatchObject({ code: "too_large" });
    const longer = new Uint8Array(ciphertext.length + 1);
    const opening = openRequestBody(nativeCrypto, { metadata, contentKey, ciphertext: longer, suite });
    await expect(opening).rejects.toMatchObject({ code: "too_large" });
  });

  it("can be sealed with ChaCha20-Poly1305 where the supplier has it", async () => {
    const { contentKey, ciphertext } = await sealRequestBody(nativeCrypto, { metadata, plaintext, suite: chachaSuite });
    expect(await openRequestBody(nativeCrypto, { metadata, contentKey, ciphertext, suite: chachaSuite })).toEqual(plaintext);
    const confused = openRequestBody(nativeCrypto, { metadata, contentKey, ciphertext, suite });
    await expect(confused).rejects.toMatchObject({ code: "authentication" });
    const unsupported = sealRequestBody(webCrypto, { metadata, plaintext, suite: chachaSuite });
    await expect(unsupported).rejects.toMatchObject({ name: "CryptoError", code: "unsupported_cipher" });
  });
});
