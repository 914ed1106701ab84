import { describe, expect, it } from "vitest";
import { accountPseudonym } from "./account-pseudonym.js";

const SECRET = new Uint8Array(32).fill(1);

describe("the public name of an account", () => {
  it("stays the same, and is another one for another account or coordinator", () => {
    const name = accountPseudonym(SECRET, "alice");
    expect(name).toMatch(/^[a-z]+-[a-z]+-\d{4}$/);
    expect(accountPseudonym(SECRET, "alice")).toBe(name);
    expect(accountPseudonym(SECRET, "bob")).not.toBe(name);
    expect(accountPseudonym(new Uint8Array(32), "alice")).not.toBe(name);
  });

  it("hardly ever is that of two", () => {
    const names = new Set(Array.from({ length: 1_000 }, (_, index) => accountPseudonym(SECRET, `account-${index}`)));
    expect(names.size).toBe(1_000);
  });
});
