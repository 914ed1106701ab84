import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { PendingAnswers } from "./pending-answers.js";

describe("a question to a worker", () => {
  it("has the answer that bears its number, once", async () => {
    const clock = createFakeClock();
    const pending = new PendingAnswers<string>(clock, 1000);
    const ids: number[] = [];
    const asked = [pending.ask((id) => ids.push(id)), pending.ask((id) => ids.push(id))];
    pending.answer(ids[1] ?? 0, "second");
    pending.answer(ids[0] ?? 0, "first");
    pending.answer(ids[0] ?? 0, "once more");
    expect(await Promise.all(asked)).toEqual(["first", "second"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("has none when time is up or the worker is gone", async () => {
    const clock = createFakeClock();
    const pending = new PendingAnswers<string>(clock, 1000);
    const late = pending.ask(() => undefined);
    await clock.advance(1000);
    expect(await late).toBeUndefined();
    const lost = pending.ask(() => undefined);
    pending.lost();
    expect(await lost).toBeUndefined();
  });
});
