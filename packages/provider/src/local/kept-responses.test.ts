import { ApiError, type ChatEvent, openaiChat, openaiResponses } from "@umbel/dialects";
import { createFakeClock } from "@umbel/protocol/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { KeptResponses } from "./kept-responses.js";
import { LOCAL_LIMITS } from "./limits.js";
import { areOfResponse, keepAsItComes } from "./response-routes.js";

const text = (words: string): ChatEvent => ({ type: "text", text: words, tokens: 1 });
const usage = { promptTokens: 1, completionTokens: 1, reasoningTokens: 0, cachedPromptTokens: 0 };
const FINISH: ChatEvent = { type: "finish", reason: "stop", usage };

let clock: ReturnType<typeof createFakeClock>;
let kept: KeptResponses;
beforeEach(() => {
  clock = createFakeClock();
  kept = new KeptResponses(clock);
});

const optionsOf = () => openaiResponses.parse({ model: "m", input: "hi" }).options;
function begin(id: string) {
  return keepAsItComes({ id, created_s: 1, model: "m", options: optionsOf(), isKept: true }, kept);
}
async function* batches(...events: (ChatEvent | Error)[]): AsyncGenerator<readonly ChatEvent[]> {
  for (const event of events) {
    if (event instanceof Error) throw event;
    yield [event];
  }
}
async function whole(id: string, ...events: (ChatEvent | Error)[]): Promise<void> {
  for await (const _ of begin(id).through(batches(...events)));
}
const NOT_THERE = expect.objectContaining({ status: 404, code: "not_found" });

describe("a response of this endpoint", () => {
  it("can be looked at while it comes, and fetched again when it has ended", async () => {
    const steps = begin("a-1")
      .through(batches(text("one "), text("two"), FINISH))
      [Symbol.asyncIterator]();
    await steps.next();
    expect(kept.find("resp_a1")).toMatchObject({ status: "in_progress", store: true, output: [{ content: [{ text: "one " }] }] });
    for (let step = await steps.next(); step.done !== true; step = await steps.next());
    expect(kept.find("resp_a1")).toMatchObject({
      ...{ status: "completed", output: [{ status: "completed", content: [{ text: "one two" }] }], usage: { output_tokens: 1 } },
    });
  });

  it("is kept as it broke off: by a failure, by nobody who reads it, by a cancel from elsewhere", async () => {
    await expect(whole("a", text("one"), new ApiError({ status: 503, code: "service_unavailable", message: "no" }))).rejects.toThrow("no");
    expect(kept.find("resp_a")).toMatchObject({ status: "failed", output: [{ status: "incomplete", content: [{ text: "one" }] }] });
    for await (const _ of begin("b").through(batches(text("one"), text("two")))) break;
    expect(kept.find("resp_b")).toMatchObject({ status: "cancelled" });
    const { through, cancelled } = begin("c");
    const steps = through(batches(text("one"), text("two"), FINISH))[Symbol.asyncIterator]();
    await steps.next();
    expect(kept.cancel("resp_c")).toMatchObject({ status: "cancelled" });
    expect(cancelled.reason).toMatchObject({ status: 499 });
    await steps.return?.();
    // One that has ended stays as it is.
    await whole("d", text("one"), FINISH);
    expect(kept.cancel("resp_d")).toMatchObject({ status: "completed" });
  });

  it("is gone when it is deleted, and ended first if it still comes", async () => {
    const { through, cancelled } = begin("a");
    await through(batches(text("one"), FINISH))
      [Symbol.asyncIterator]()
      .next();
    expect(kept.remove("resp_a")).toEqual({ id: "resp_a", object: "response.deleted", deleted: true });
    expect(cancelled.aborted).toBe(true);
    for (const ask of [kept.find, kept.cancel, kept.remove]) expect(() => ask.call(kept, "resp_a")).toThrow(NOT_THERE);
  });

  it("is told from an answer of another kind", () => {
    const { options } = openaiChat.parse({ model: "m", messages: [{ role: "user", content: "hi" }] });
    expect([optionsOf(), options, undefined].map(areOfResponse)).toEqual([true, false, false]);
  });

  it("is kept for an hour, among so many, and as many bytes as they may have together", async () => {
    for (let i = 0; i <= LOCAL_LIMITS.keptResponses_max; i += 1) {
      await whole(`n${i}`, text("one"), FINISH);
      await clock.advance(1);
    }
    expect(() => kept.find("resp_n0")).toThrow(NOT_THERE);
    expect(kept.find("resp_n1")).toMatchObject({ status: "completed" });
    const third = "x".repeat(LOCAL_LIMITS.keptResponses_bytes_max / 3);
    for (const id of ["big1", "big2", "big3"]) await whole(id, text(third), FINISH);
    expect(() => kept.find("resp_big1")).toThrow(NOT_THERE);
    expect(kept.find("resp_big3")).toBeDefined();
    await clock.advance(LOCAL_LIMITS.keptResponse_ms);
    expect(() => kept.find("resp_big3")).toThrow(NOT_THERE);
  });
});
