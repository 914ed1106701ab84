import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, fromUtf8, toHex, utf8 } from "../bytes.js";
import type { CryptoSupplier } from "../crypto/index.js";
import { chachaSuite, directions, suite } from "../envelope/testing/exchange.js";
import { nativeCrypto } from "../native/native-crypto.js";
import { createAnswerOpener } from "./answer-opener.js";
import { type AnswerSealer, createAnswerSealer } from "./answer-sealer.js";
import { SEALED_LIMITS, sealedEvent } from "./wire.js";

const options = { answerSecret: new Uint8Array(32).fill(0x31), suite } as const;
const sealer = (supplier: CryptoSupplier = nativeCrypto): Promise<AnswerSealer> => createAnswerSealer(supplier, options);
const opener = (supplier: CryptoSupplier = nativeCrypto) => createAnswerOpener(supplier, options);
const dataOf = (event: string): string => event.slice("data: ".length, -2);

/** Each text as a sealed event's data; the last is final. */
async function events(texts: readonly string[], supplier: CryptoSupplier = nativeCrypto): Promise<string[]> {
  const sealing = await sealer(supplier);
  const sealed: string[] = [];
  for (const [at, text] of texts.entries()) {
    sealed.push(dataOf(await sealing.event(utf8(text), at === texts.length - 1 ? "final" : "more")));
  }
  return sealed;
}

/** What arrives, and how it ends. */
async function read(datas: readonly string[]): Promise<{ text: string; end: string }> {
  const opening = opener();
  let text = "";
  for (const data of datas) {
    try {
      text += fromUtf8((await opening.event(data)).plaintext);
    } catch (error) {
      return { text, end: error instanceof Error && "code" in error ? String(error.code) : "foreign" };
    }
  }
  return { text, end: opening.ended ? "whole" : "truncated" };
}

describe("a sealed whole answer", () => {
  it.each(directions)("opens with its status: %s", async (_, sender, receiver) => {
    const body = await (await sealer(sender)).whole(200, utf8("{}"));
    const opening = opener(receiver);
    expect(fromUtf8(await opening.whole(200, body))).toBe("{}");
    expect(opening.ended).toBe(true);
  });

  it("does not open with another status, or with any bit changed", async () => {
    const body = await (await sealer()).whole(400, utf8("{}"));
    await expect(opener().whole(200, body)).rejects.toMatchObject({ code: "authentication" });
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length * 8 - 1), async (bit) => {
        const changed = body.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(opener().whole(400, changed)).rejects.toMatchObject({ code: "authentication" });
      }),
    );
  });

  it("is no event, and an event is none", async () => {
    const sealing = await sealer();
    const event = await sealing.event(utf8("x"), "final");
    await expect(opener().whole(200, utf8(event))).rejects.toMatchObject({ code: "authentication" });
    await expect(async () => sealing.whole(200, utf8("x"))).rejects.toMatchObject({ code: "after_final" });
  });

  it("is malformed when it is too short to be one", async () => {
    await expect(opener().whole(200, new Uint8Array(31))).rejects.toMatchObject({ code: "malformed" });
  });

  it("is opened once", async () => {
    const body = await (await sealer()).whole(200, utf8("{}"));
    const opening = opener();
    await opening.whole(200, body);
    await expect(opening.whole(200, body)).rejects.toMatchObject({ code: "after_final" });
  });

  it("has a largest size", async () => {
    const largest = new Uint8Array(SEALED_LIMITS.answer_bytes_max);
    const body = await (await sealer()).whole(200, largest);
    expect(await opener().whole(200, body)).toHaveLength(largest.length);
    await expect(opener().whole(200, concatBytes(body, new Uint8Array(1)))).rejects.toMatchObject({ code: "too_large" });
    await expect(async () => (await sealer()).whole(200, new Uint8Array(largest.length + 1))).rejects.toMatchObject({ code: "too_large" });
  });
});

describe("a sealed stream", () => {
  it.each(directions)("opens event by event, up to the final one: %s", async (_, sender, receiver) => {
    const opening = opener(receiver);
    const opened = [];
    for (const data of await events(["a", "", "c"], sender)) opened.push(await opening.event(data));
    expect(opened.map(({ plaintext, final }) => [fromUtf8(plaintext), final])).toEqual([
      ["a", false],
      ["", false],
      ["c", true],
    ]);
    expect(opening.ended).toBe(true);
  });

  it("can be opened by whoever implements the format: a golden vector", async () => {
    const fixed: CryptoSupplier = { ...nativeCrypto, randomBytes: (length) => new Uint8Array(length).fill(0x24) };
    expect(await events(["data: {}\n\n", ""], fixed)).toEqual([
      '{"sequence":0,"nonce":"JCQkJCQkJCQkJCQkJCQkJA==","ciphertext":"wa9Fu5e8ez3vnezjR3XCs0zJK/rfmJotqZMcs1dfnAvhDcmlxlqfRUUgitp5C+p5QhjLwIZ2vgbMoIGY/mAckMki3B9DGnRO+HblzlHMoNQ="}',
      '{"sequence":1,"ciphertext":"+eT2yX2SwEmJlYWXGKuiYB5s7tRuACN6+4gG8tfSsWijLbJbuZAlbqu4ojyDLUkWNjJflgAPp6iUtKKlniftAsQbuNM5yZoXtjeGcNH2Yb4="}',
    ]);
    expect(toHex(await (await sealer(fixed)).whole(200, utf8("{}")))).toBe(
      "24242424242424242424242424242424b8d2f86f020ec81f18bc8b73f1363bb9258f",
    );
  });

  it("is answered at once by a supplier that is synchronous", async () => {
    expect((await sealer()).event(utf8("x"), "more")).toMatch(/^data: \{.*\}\n\n$/);
  });

  it("hides the length of what is short", async () => {
    const lengths = (await events(["a", "a longer one", "a much longer one than that"])).map((data) => data.length);
    expect(lengths[1]).toBe(lengths[2]);
  });

  it("arrives whole or is found out: any change of order, gap, repetition, bit, or end", async () => {
    const texts = ["one", "two", "three", "four"];
    const whole = await events(texts);
    const other = await events(texts);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.nat(whole.length - 1)), { maxLength: 6 }), async (picks) => {
        const datas = picks.map(([foreign, at]) => (foreign ? other : whole)[at] ?? "");
        const { text, end } = await read(datas);
        const untouched = datas.join() === whole.join() || datas.join() === other.join();
        expect(end === "whole").toBe(untouched);
        expect(texts.join("").startsWith(text)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["reordered", [1, 0, 2], "out_of_order", ""],
    ["with a gap", [0, 2], "out_of_order", "one"],
    ["with a repetition", [0, 0, 1, 2], "out_of_order", "one"],
    ["cut short", [0, 1], "truncated", "onetwo"],
    ["gone on after its end", [0, 1, 2, 2], "after_final", "onetwothree"],
  ])("that was %s", async (_, order, end, text) => {
    const whole = await events(["one", "two", "three"]);
    expect(await read(order.map((at) => whole[at] ?? ""))).toEqual({ text, end });
  });

  it("does not open with a bit of its ciphertext or of its nonce changed", async () => {
    const [first = ""] = await events(["one"]);
    const event = sealedEvent.parse(JSON.parse(first));
    for (const field of ["ciphertext", "nonce"] as const) {
      const bytes = Buffer.from(event[field] ?? "", "base64");
      for (let bit = 0; bit < bytes.length * 8; bit += 5) {
        const changed = Buffer.from(bytes);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const data = JSON.stringify({ ...event, [field]: changed.toString("base64") });
        expect(await read([data])).toEqual({ text: "", end: "authentication" });
      }
    }
  });

  it("does not go on under another sequence number, another nonce or without one", async () => {
    const [first = "", second = ""] = await events(["one", "two"]);
    expect(await read([first, second.replace('"sequence":1', '"sequence":2')])).toEqual({ text: "one", end: "out_of_order" });
    const { nonce } = sealedEvent.parse(JSON.parse(first));
    const again = JSON.stringify({ ...sealedEvent.parse(JSON.parse(second)), nonce });
    expect(await read([first, again])).toEqual({ text: "one", end: "malformed" });
    const { nonce: _, ...bare } = sealedEvent.parse(JSON.parse(first));
    expect(await read([JSON.stringify(bare)])).toEqual({ text: "", end: "malformed" });
  });

  it("stays refused after its first failure", async () => {
    const [first = "", second = ""] = await events(["one", "two"]);
    const opening = opener();
    await expect(opening.event(second)).rejects.toMatchObject({ code: "out_of_order" });
    await expect(opening.event(first)).rejects.toMatchObject({ code: "out_of_order" });
  });

  it("of another request does not open", async () => {
    const [first = ""] = await events(["one"]);
    const opening = createAnswerOpener(nativeCrypto, { ...options, answerSecret: new Uint8Array(32).fill(1) });
    await expect(opening.event(first)).rejects.toMatchObject({ code: "authentication" });
    const otherSuite = createAnswerOpener(nativeCrypto, { ...options, suite: chachaSuite });
    await expect(otherSuite.event(first)).rejects.toMatchObject({ code: "authentication" });
  });

  it.each([
    "",
    "{}",
    "null",
    "[DONE]",
    '{"sequence":-1,"ciphertext":""}',
    '{"sequence":0,"ciphertext":"A"}',
    '{"sequence":0,"ciphertext":""}',
  ])("is malformed as %j", async (data) => {
    expect(await read([data])).toEqual({ text: "", end: "malformed" });
  });

  it("has a largest event", async () => {
    const sealing = await sealer();
    const largest = await sealing.event(new Uint8Array(SEALED_LIMITS.event_bytes_max), "more");
    expect((await opener().event(dataOf(largest))).plaintext).toHaveLength(SEALED_LIMITS.event_bytes_max);
    await expect(async () => sealing.event(new Uint8Array(SEALED_LIMITS.event_bytes_max + 1), "more")).rejects.toMatchObject({
      code: "too_large",
    });
    expect(await read([" ".repeat(SEALED_LIMITS.event_characters_max + 1)])).toEqual({ text: "", end: "too_large" });
  });
});
