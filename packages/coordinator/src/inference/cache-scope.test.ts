import { describe, expect, it } from "vitest";
import { createCacheScope } from "./cache-scope.js";

const scope = createCacheScope(Buffer.alloc(32, 7));
const account = (name: string): string | undefined => name.split(".")[0];

describe("a cache scope", () => {
  it("is one for an account and a cache key, and another for any other", () => {
    const names = [scope("ada"), scope("bob"), scope("ada", "one"), scope("ada", "two"), scope("bob", "one"), scope("ada", "")];
    expect(new Set(names).size).toBe(names.length);
    expect(scope("ada", "one")).toBe(names[2]);
    expect(createCacheScope(Buffer.alloc(32, 8))("ada")).not.toBe(names[0]);
    expect(names.join()).not.toMatch(/ada|bob|one|two/);
  });

  it("begins alike for one account, whatever the key", () => {
    expect(account(scope("ada", "one"))).toBe(scope("ada"));
    expect(account(scope("ada", "two"))).toBe(scope("ada"));
    expect(account(scope("bob", "one"))).not.toBe(scope("ada"));
  });
});
