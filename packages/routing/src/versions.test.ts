import { describe, expect, it } from "vitest";
import { isVersionAtLeast } from "./versions.js";

describe("version floor", () => {
  it.each([
    ["0.6.3", "0.6.3"],
    ["0.6.11", "0.6.3"],
    ["1", "0.9.9"],
    ["v0.6.3", "0.6.3"],
    ["0.6", "0.6.0"],
    ["0.6.0", "0.6"],
    ["anything", ""],
    ["", ""],
  ])("%s satisfies %s", (version, floor) => {
    expect(isVersionAtLeast(version, floor)).toBe(true);
  });

  it.each([
    ["0.6.2", "0.6.3"],
    ["0.6.3-beta", "0.6.3"],
    ["0.6", "0.6.1"],
    ["garbage", "0.0.1"],
    ["", "0.0.0"],
  ])("%s does not satisfy %s", (version, floor) => {
    expect(isVersionAtLeast(version, floor)).toBe(false);
  });
});
