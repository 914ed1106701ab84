import { describe, expect, it } from "vitest";
import { RELEASE_VERSION, releasePrecedence } from "./release-version.js";

describe("releases", () => {
  it("come in the order of their versions, a pre-release before what it leads to", () => {
    const inOrder = [
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
      "1.0.2",
      "1.0.10",
      "2.0.0",
    ];
    expect([...inOrder].reverse().sort(releasePrecedence)).toEqual(inOrder);
    expect(releasePrecedence("1.0.0+build.1", "1.0.0+build.2")).toBe(0);
  });

  it.each([
    ["1.2.3", true],
    ["1.2.3-rc.1", true],
    ["1.2", false],
    ["v1.2.3", false],
    ["1.2.3 ", false],
    ["../1.2.3", false],
  ])("may be called %j: %s", (version, expected) => {
    expect(RELEASE_VERSION.test(version)).toBe(expected);
  });
});
