import { describe, expect, it } from "vitest";
import { createTurnstile } from "./turnstile.js";

const never = new AbortController().signal;

describe("a turnstile", () => {
  it("lets one through at a time; lanes take turns, and each keeps its order", async () => {
    const turnstile = createTurnstile();
    const order: string[] = [];
    let inside = 0;
    const visits = ["a1", "a2", "a3", "b1", "b2"].map(async (name) => {
      const leave = await turnstile.enter(name.charAt(0), never);
      inside += 1;
      expect(inside).toBe(1);
      order.push(name);
      await Promise.resolve();
      inside -= 1;
      leave();
      leave();
    });
    await Promise.all(visits);
    expect(order).toEqual(["a1", "a2", "b1", "a3", "b2"]);
  });

  it("forgets who gave up, before or while waiting", async () => {
    const turnstile = createTurnstile();
    const leave = await turnstile.enter("a", never);
    const controller = new AbortController();
    const waiting = turnstile.enter("a", controller.signal);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(turnstile.enter("a", controller.signal)).rejects.toThrow("enough");
    const next = turnstile.enter("b", never);
    leave();
    expect(await next).toBeTypeOf("function");
  });
});
