import { describe, expect, it } from "vitest";
import { returnTo, signInFrom } from "./return-to.js";

describe("where somebody goes on after signing in", () => {
  it.each([
    ["/keys", "/keys"],
    ["/link?user_code=ABCD-EFGH", "/link?user_code=ABCD-EFGH"],
    ["//evil.example", "/"],
    ["/\\evil.example", "/"],
    ["https://evil.example", "/"],
    ["javascript:alert(1)", "/"],
    ["/a\nb", "/"],
    ["", "/"],
  ])("%j leads to %j", (next, page) => expect(returnTo(`?next=${encodeURIComponent(next)}`)).toBe(page));

  it("comes back whole", () => {
    const { search } = new URL(signInFrom("/link", "?user_code=ABCD-EFGH"), "http://umbel.example");
    expect(returnTo(search)).toBe("/link?user_code=ABCD-EFGH");
  });
});
