import { describe, expect, it } from "vitest";
import { byteRange } from "./byte-range.js";

describe("the range of a file of ten bytes", () => {
  it.each([
    [undefined, undefined],
    ["bytes=0-", { start: 0, end: 9 }],
    ["bytes=4-6", { start: 4, end: 6 }],
    ["bytes=4-99", { start: 4, end: 9 }],
    ["bytes=9-9", { start: 9, end: 9 }],
    ["bytes=-3", { start: 7, end: 9 }],
    ["bytes=-99", { start: 0, end: 9 }],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=6-4", undefined],
    ["bytes=-", undefined],
    ["bytes=0-1,4-5", undefined],
    ["lines=0-1", undefined],
    ["bytes=a-b", undefined],
  ])("of %j is %j", (header, range) => {
    expect(byteRange(header, 10)).toEqual(range);
  });

  it("of an empty file cannot be had", () => {
    expect([byteRange("bytes=0-", 0), byteRange("bytes=-1", 0)]).toEqual(["unsatisfiable", "unsatisfiable"]);
  });
});
