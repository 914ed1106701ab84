import { ApiError, type ChatEvent, openaiChat } from "@umbel/dialects";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it, vi } from "vitest";
import { streamedAnswer } from "./answer.js";
import { LOCAL_LIMITS } from "./limits.js";

const TEXT: ChatEvent = { type: "text", text: "hello", tokens: 1 };
const FINISH: ChatEvent = {
  type: "finish",
  reason: "stop",
  usage: { promptTokens: 1, completionTokens: 1, reasoningTokens: 0, cachedPromptTokens: 0 },
};

function start(batches: AsyncIterable<readonly ChatEvent[]>) {
  const clock = createFakeClock();
  const { options } = openaiChat.parse({ model: "m", messages: [{ role: "user", content: "hi" }], stream: true });
  const renderer = openaiChat.streamRenderer({ id: "1", created_s: 1, model: "m", options });
  const onFailure = vi.fn();
  const onStall = vi.fn();
  return { clock, onFailure, onStall, events: streamedAnswer(batches, { renderer, clock, onFailure, onStall }) };
}

async function* after(gate: Promise<void>, ...batches: (readonly ChatEvent[] | Error)[]): AsyncGenerator<readonly ChatEvent[]> {
  await gate;
  for (const batch of batches) {
    if (batch instanceof Error) throw batch;
    yield batch;
  }
}

async function read(events: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of events) text += piece;
  return text;
}

const now = Promise.resolve();

describe("streamedAnswer", () => {
  it("is the dialect's stream with its end, and leaves no timer", async () => {
    const { events, clock } = start(after(now, [TEXT], [FINISH]));
    const text = await read(await events);
    expect(text).toContain('"content":"hello"');
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
    expect(clock.pendingTimers).toBe(0);
  });

  it("throws what went wrong before there was anything to send", async () => {
    const refusal = new ApiError({ status: 404, code: "model_not_found", message: "no" });
    await expect(start(after(now, refusal)).events).rejects.toBe(refusal);
  });

  it("tells in band what goes wrong later", async () => {
    const { events, onFailure } = start(after(now, [TEXT], new Error("secret")));
    const text = await read(await events);
    expect(text).toContain("internal server error");
    expect(text).not.toContain("secret");
    expect(onFailure).toHaveBeenCalledOnce();
  });

  it("begins with signs of life when the first word is long in coming", async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { events, clock } = start(after(gate, [TEXT], [FINISH]));
    await clock.advance(LOCAL_LIMITS.signOfLife_ms);
    const iterator = (await events)[Symbol.asyncIterator]();
    const sign = iterator.next();
    await clock.advance(LOCAL_LIMITS.signOfLife_ms);
    expect((await sign).value).toMatch(/^(: |data: )/);
    const word = iterator.next();
    open();
    expect((await word).value).toContain("hello");
    await iterator.return?.();
  });

  it("notices a reader that takes nothing", async () => {
    const { events, clock, onStall } = start(after(now, [TEXT], [FINISH]));
    const iterator = (await events)[Symbol.asyncIterator]();
    await iterator.next();
    await clock.advance(LOCAL_LIMITS.stall_ms - 1);
    expect(onStall).not.toHaveBeenCalled();
    await clock.advance(1);
    expect(onStall).toHaveBeenCalledOnce();
    await iterator.return?.();
    expect(clock.pendingTimers).toBe(0);
  });
});
