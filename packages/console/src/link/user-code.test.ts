import { describe, expect, it } from "vitest";
import { isWhole, shownCode } from "./user-code.js";

describe("a code that is typed", () => {
  it.each([
    ["abcd", "ABCD"],
    ["abcde", "ABCD-E"],
    ["abcd-efgh", "ABCD-EFGH"],
    ["  ab cd_ef gh  ", "ABCD-EFGH"],
    ["ABCDEFGHIJKL", "ABCD-EFGH"],
    ["ABCD-", "ABCD"],
    ["<b>é</b>", "BB"],
    ["", ""],
  ])("%j is shown as %j", (typed, shown) => expect(shownCode(typed)).toBe(shown));

  it("is whole with eight letters and digits", () => {
    expect(isWhole(shownCode("abcdefg"))).toBe(false);
    expect(isWhole(shownCode("abcdefgh"))).toBe(true);
  });
});
