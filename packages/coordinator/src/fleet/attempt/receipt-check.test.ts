import type { ChatEvent } from "@umbel/dialects";
import type { RequestId, UsageReceipt } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { attemptUnderWay, readAll, startTestFleet, type TestFleet, testSpec } from "../testing/index.js";

let test: TestFleet;
beforeEach(async () => {
  test = await startTestFleet();
});
afterEach(() => test.close());

const WORD: ChatEvent = { type: "text", text: "word", tokens: 1 };

describe("a receipt", () => {
  const lies: [string, Partial<UsageReceipt>][] = [
    ["another request", { request_id: crypto.randomUUID() as RequestId }],
    ["another build", { build_id: "other" }],
    ["other weights", { weight_hash: "cd".repeat(32) }],
    ["other usage", { usage: { prompt_tokens: 5, completion_tokens: 9, reasoning_tokens: 0, cached_prompt_tokens: 0 } }],
    ["other reasoning", { usage: { prompt_tokens: 5, completion_tokens: 3, reasoning_tokens: 1, cached_prompt_tokens: 0 } }],
    ["another finish reason", { finish_reason: "length" }],
    ["another number of chunks", { chunks: 7 }],
    ["another request body", { request_digest: "00".repeat(32) }],
    ["other chunks", { response_digest: "00".repeat(32) }],
  ];

  it.each(lies)("that tells of %s is not valid", async (_, receipt) => {
    const { attempt, request } = await attemptUnderWay(test);
    request.accept();
    await request.chunk([WORD], "final");
    await request.finish({ receipt });
    expect((await readAll(attempt)).at(-1)).toMatchObject({ type: "complete", receiptValid: false });
    expect(await test.event("receipt_invalid")).toBeDefined();
  });

  it("that another device signed is not valid", async () => {
    const stranger = await test.open();
    const { provider, attempt, request } = await attemptUnderWay(test);
    provider.sign = stranger.sign.bind(stranger);
    request.accept();
    await request.chunk([WORD], "final");
    await request.finish();
    expect((await readAll(attempt)).at(-1)).toMatchObject({ type: "complete", receiptValid: false });
  });

  it("that is no signature is not valid, and other requests go on", async () => {
    const { provider, attempt, request } = await attemptUnderWay(test);
    provider.sign = async () => "not.a.jws";
    await request.answer("done");
    expect((await readAll(attempt)).at(-1)).toMatchObject({ type: "complete", receiptValid: false });
    expect(test.fleet.preview(testSpec()).candidates).toBe(1);
  });
});
