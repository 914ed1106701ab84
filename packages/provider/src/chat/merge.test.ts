import { describe, expect, it } from "vitest";
import { merge } from "./merge.js";

async function* count(name: string, to: number): AsyncGenerator<string, string, void> {
  for (let index = 0; index < to; index++) {
    await Promise.resolve();
    yield `${name}${index}`;
  }
  return `end of ${name}`;
}

describe("merge", () => {
  it("gives every item, each iteration's in its order, and all ends", async () => {
    const merged = merge([count("a", 3), count("b", 5)]);
    const items: string[] = [];
    let step = await merged.next();
    for (; step.done !== true; step = await merged.next()) items.push(step.value);
    expect(items.filter((item) => item.startsWith("a"))).toEqual(["a0", "a1", "a2"]);
    expect(items.filter((item) => item.startsWith("b"))).toEqual(["b0", "b1", "b2", "b3", "b4"]);
    expect(step.value).toEqual(["end of a", "end of b"]);
  });

  it("rejects as the first that does, and returns the others", async () => {
    let returned = false;
    async function* endless(): AsyncGenerator<string, string, void> {
      try {
        for (;;) yield "more";
      } finally {
        returned = true;
      }
    }
    async function* broken(): AsyncGenerator<string, string, void> {
      yield "one";
      throw new Error("broken");
    }
    const merged = merge([endless(), broken()]);
    await expect(
      (async () => {
        for (let step = await merged.next(); step.done !== true; step = await merged.next());
      })(),
    ).rejects.toThrow("broken");
    expect(returned).toBe(true);
  });
});
