import { createAnswerOpener, createAnswerSealer, fromUtf8, SEALED_LIMITS } from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { describe, expect, it } from "vitest";
import type { AnswerSink } from "../answer/sink.js";
import { createSealedSink } from "./sealed-sink.js";

const options = { answerSecret: new Uint8Array(32), suite: "x25519-sha256-aes256gcm" } as const;

async function start() {
  const calls: [string, unknown][] = [];
  const leave = new AbortController();
  const to: AnswerSink = {
    committed: false,
    gone: leave.signal,
    whole: async (answer) => void calls.push(["whole", answer]),
    begin: (headers) => void calls.push(["begin", headers]),
    write: async (events) => void calls.push(["write", events]),
    beat: (events) => void calls.push(["beat", events]),
    end: async () => void calls.push(["end", undefined]),
  };
  const sink = createSealedSink(to, await createAnswerSealer(nativeCrypto, options), "kid");
  return { sink, calls, leave, opener: createAnswerOpener(nativeCrypto, options) };
}

describe("a sealed sink", () => {
  it("cuts what is longer than one event may be, and it comes out as it went in", async () => {
    const { sink, calls, opener } = await start();
    const text = `data: ${"é".repeat(SEALED_LIMITS.event_bytes_max)}\n\n`;
    sink.begin({ "X-A": "1" });
    await sink.write(text);
    await sink.write("");
    await sink.end();
    expect(calls.map(([name]) => name)).toEqual(["begin", "write", "write", "write", "write", "end"]);
    const opened: Uint8Array[] = [];
    for (const [name, event] of calls) {
      if (name === "write") opened.push((await opener.event(String(event).slice("data: ".length, -2))).plaintext);
    }
    expect(fromUtf8(Buffer.concat(opened))).toBe(text);
    expect(opener.ended).toBe(true);
  });

  it("lets a sign of life say nothing, and take no sequence number", async () => {
    const { sink, calls, opener } = await start();
    sink.beat("event: ping\ndata: {}\n\n");
    await sink.write("x");
    expect(calls[0]).toEqual(["beat", ":\n\n"]);
    await opener.event(String(calls[1]?.[1]).slice("data: ".length, -2));
  });

  it("ends quietly when nobody reads any more", async () => {
    const { sink, calls, leave } = await start();
    leave.abort();
    await sink.end();
    expect(calls).toEqual([["end", undefined]]);
  });

  it("refuses an answer that is too large without using up its seal: the error can still be told", async () => {
    const { sink, calls } = await start();
    const body = "x".repeat(SEALED_LIMITS.answer_bytes_max);
    await expect(sink.whole({ status: 200, headers: {}, body })).rejects.toMatchObject({ code: "too_large" });
    await sink.whole({ status: 500, headers: {}, body: {} });
    expect(calls.map(([name]) => name)).toEqual(["whole"]);
  });
});
