import type { TokenLogprob } from "@umbel/dialects";
import { describe, expect, it } from "vitest";
import { shownTokens } from "./shown-tokens.js";

const token = (bytes: string | number[]): TokenLogprob => {
  const own = typeof bytes === "string" ? [...Buffer.from(bytes)] : bytes;
  return { token: Buffer.from(own).toString(), bytes: own, logprob: -1, top: [] };
};
const texts = (tokens: readonly TokenLogprob[]) => tokens.map(({ token: text }) => text);

describe("tokens of visible text", () => {
  it.each([
    [["27", " +"], "27 +", ["27", " +"], []],
    [["</think>", "\n\n", "27"], "27", ["27"], []],
    [["a", "a", "b"], "a", ["a"], ["a", "b"]],
    [["hello", " ST"], "hello", ["hello"], [" ST"]],
    [["x\n", "yes"], "yes", ["yes"], []],
    [["\nyes"], "yes", ["\nyes"], []],
  ])("of %j showing %j are %j, and %j wait", (tokens, text, shown, waiting) => {
    const result = shownTokens(tokens.map(token), text);
    expect(texts(result.shown)).toEqual(shown);
    expect(texts(result.waiting)).toEqual(waiting);
  });

  it("are found when a character is split over several", () => {
    const [a, b] = [token([0xf0, 0x9f]), token([0x98, 0x80])];
    expect(shownTokens([token("</think>"), a, b], "😀").shown).toEqual([a, b]);
  });

  it("are all of them when the bytes are no text", () => {
    const broken = token([0xff]);
    expect(shownTokens([broken], "\ufffd").shown).toEqual([broken]);
  });
});
