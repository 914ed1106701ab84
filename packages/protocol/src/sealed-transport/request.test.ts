import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromUtf8, toHex, utf8 } from "../bytes.js";
import { type CryptoSupplier, type EncryptionKeyPair, importKeyPair } from "../crypto/index.js";
import { chachaSuite, directions, flipped, providerKey, suite } from "../envelope/testing/exchange.js";
import { sha256 } from "../hash.js";
import { WIRE_LIMITS } from "../limits.js";
import { nativeCrypto } from "../native/native-crypto.js";
import { openTransportRequest, readTransportRequest, sealTransportRequest } from "./request.js";
import { encryptionKeyId, SEALED_LIMITS } from "./wire.js";

const route = { method: "POST", path: "/v1/chat/completions" };
const timestamp = new Date("2026-01-01T00:00:00Z");
const plaintext = utf8('{"model":"sprout"}');

async function sealed(change: Partial<Parameters<typeof sealTransportRequest>[1]> = {}, supplier: CryptoSupplier = nativeCrypto) {
  const { publicKey } = await providerKey(nativeCrypto);
  return sealTransportRequest(supplier, { ...route, recipientPublicKey: publicKey, suite, timestamp, plaintext, ...change });
}

/** Everything random is fixed: only for the golden vector. */
const fixed: CryptoSupplier = {
  ...nativeCrypto,
  randomBytes: (length) => new Uint8Array(length).fill(0x24),
  generateKeyPair: () => nativeCrypto.importKeyPair(new Uint8Array(32).fill(0x17)),
};

describe("a sealed request", () => {
  it.each(directions)("opens, and both ends share the answer's secret: %s", async (_, sender, receiver) => {
    const { body, answerSecret } = await sealed({}, sender);
    const opened = await openTransportRequest(receiver, {
      ...route,
      request: readTransportRequest(body),
      keyPair: await providerKey(receiver),
    });
    expect(opened.plaintext).toEqual(plaintext);
    expect(opened.answerSecret).toEqual(answerSecret);
    expect(answerSecret).toHaveLength(32);
  });

  it("can be opened by whoever implements the format: a golden vector", async () => {
    const { body, answerSecret } = await sealed({}, fixed);
    const line = fromUtf8(body.subarray(0, body.indexOf(0x0a)));
    expect(line).toBe(
      '{"kid":"82dab32a9aedffb4","suite":"x25519-sha256-aes256gcm","timestamp":"2026-01-01T00:00:00.000Z","nonce":"JCQkJCQkJCQkJCQkJCQkJA==","enc":"8T/vPvqVmKKiP8dWv2iP6LvX9s+VKLuu87REJojwqzE="}',
    );
    expect(toHex(body.subarray(line.length + 1))).toBe("98515ef55751632da5b39dd92f2f1bf6259b6c02192a00f57336ca77b427f8dc1e64");
    expect(toHex(answerSecret)).toBe("c7cfa3f993f4f95bdad1626a8e1c1a645d1f845ad73a58e1d97fa6b2f3d07e3f");
  });

  it("shows nothing of the body", async () => {
    const { body } = await sealed({ plaintext: utf8("canary") });
    expect(Buffer.from(body).includes("canary")).toBe(false);
  });

  it("is never the same twice", async () => {
    expect((await sealed()).body).not.toEqual((await sealed()).body);
  });

  it("can use ChaCha20-Poly1305 where both have it", async () => {
    const { body } = await sealed({ suite: chachaSuite });
    const keyPair = await providerKey(nativeCrypto);
    const opened = await openTransportRequest(nativeCrypto, { ...route, request: readTransportRequest(body), keyPair });
    expect(opened.plaintext).toEqual(plaintext);
  });

  it("does not open with one bit changed anywhere, in the clear part or the sealed one", async () => {
    const { body } = await sealed();
    const keyPair = await providerKey(nativeCrypto);
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length - 1), fc.integer({ min: 0, max: 7 }), async (index, bit) => {
        const changed = body.slice();
        changed[index] = (changed[index] ?? 0) ^ (1 << bit);
        await expect(open(changed, keyPair)).rejects.toMatchObject({ code: expect.stringMatching(/^(authentication|malformed)$/) });
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["another path", { path: "/v1/messages" }],
    ["another method", { method: "PUT" }],
  ])("does not open for %s", async (_, change) => {
    const request = readTransportRequest((await sealed()).body);
    const keyPair = await providerKey(nativeCrypto);
    await expect(openTransportRequest(nativeCrypto, { ...route, ...change, request, keyPair })).rejects.toMatchObject({
      code: "authentication",
    });
  });

  it.each([
    ["timestamp", { timestamp: "2026-01-01T00:00:01.000Z" }],
    ["nonce", { nonce: Buffer.alloc(16).toString("base64") }],
    ["key id", { kid: "0".repeat(16) }],
    ["suite", { suite: chachaSuite }],
  ] as const)("does not open with another %s in its header", async (_, change) => {
    const { header, ciphertext } = readTransportRequest((await sealed()).body);
    const request = { header: { ...header, ...change }, ciphertext };
    const keyPair = await providerKey(nativeCrypto);
    await expect(openTransportRequest(nativeCrypto, { ...route, request, keyPair })).rejects.toMatchObject({ code: "authentication" });
  });

  it("does not open with another key", async () => {
    const request = readTransportRequest((await sealed()).body);
    const keyPair = await importKeyPair(nativeCrypto, new Uint8Array(32).fill(9));
    await expect(openTransportRequest(nativeCrypto, { ...route, request, keyPair })).rejects.toMatchObject({ code: "authentication" });
  });

  it("is malformed with an encapsulated key of low order", async () => {
    const { header, ciphertext } = readTransportRequest((await sealed()).body);
    const request = { header: { ...header, enc: Buffer.alloc(32).toString("base64") }, ciphertext };
    const keyPair = await providerKey(nativeCrypto);
    await expect(openTransportRequest(nativeCrypto, { ...route, request, keyPair })).rejects.toMatchObject({ code: "malformed" });
  });

  it("may be as large as the wire takes, and no larger", async () => {
    const largest = new Uint8Array(WIRE_LIMITS.requestBody_bytes_max);
    const { body } = await sealed({ plaintext: largest });
    expect(readTransportRequest(body).ciphertext).toHaveLength(largest.length + 16);
    await expect(sealed({ plaintext: new Uint8Array(largest.length + 1) })).rejects.toMatchObject({ code: "too_large" });
    const longer = new Uint8Array(body.length + 1);
    longer.set(body);
    expect(() => readTransportRequest(longer)).toThrow(expect.objectContaining({ code: "too_large" }));
  });
});

describe("what is no sealed request is malformed", () => {
  it.each([
    ["nothing", new Uint8Array(0)],
    ["plain JSON", utf8('{"model":"sprout","messages":[]}')],
    ["a header without its end", utf8("x".repeat(SEALED_LIMITS.header_bytes_max + 100))],
    ["a header longer than its limit", utf8(`${" ".repeat(SEALED_LIMITS.header_bytes_max + 1)}\n`)],
    ["a header that is no JSON", utf8(`{kid}\n${"x".repeat(40)}`)],
    ["a header of another form", utf8(`{"kid":"1"}\n${"x".repeat(40)}`)],
    ["a header that is not UTF-8", Uint8Array.of(0xff, 0x0a)],
  ])("%s", (_, body) => {
    expect(() => readTransportRequest(body)).toThrow(expect.objectContaining({ code: "malformed" }));
  });

  it("a ciphertext shorter than its tag", async () => {
    const { body } = await sealed();
    const line = body.indexOf(0x0a);
    expect(() => readTransportRequest(body.subarray(0, line + 16))).toThrow(expect.objectContaining({ code: "malformed" }));
  });

  it("anything: reading throws nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => readTransportRequest(bytes)).toThrow(expect.objectContaining({ code: "malformed" }));
      }),
    );
  });
});

it("an encryption key's id is the beginning of its SHA-256", () => {
  const key = new Uint8Array(32).fill(5);
  expect(encryptionKeyId(key)).toBe(toHex(sha256(key)).slice(0, 16));
  expect(encryptionKeyId(flipped(key, 0))).not.toBe(encryptionKeyId(key));
});

function open(body: Uint8Array, keyPair: EncryptionKeyPair) {
  return (async () => openTransportRequest(nativeCrypto, { ...route, request: readTransportRequest(body), keyPair }))();
}
