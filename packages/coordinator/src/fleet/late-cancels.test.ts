import { describe, expect, it } from "vitest";
import { LateCancels } from "./late-cancels.js";
import { LATE_CHUNK_LIMITS } from "./settings.js";

describe("LateCancels", () => {
  it("is due once in ten seconds for each request of each session", () => {
    const cancels = new LateCancels();
    expect(cancels.isDue("s", "r", 0)).toBe(true);
    expect(cancels.isDue("s", "r", 9_999)).toBe(false);
    expect(cancels.isDue("s", "other", 9_999)).toBe(true);
    expect(cancels.isDue("other", "r", 9_999)).toBe(true);
    expect(cancels.isDue("s", "r", 10_000)).toBe(true);
  });

  it("remembers 4096 requests, the latest ones", () => {
    const cancels = new LateCancels();
    for (let i = 0; i < LATE_CHUNK_LIMITS.requests_max; i++) cancels.isDue("s", `r${i}`, 0);
    expect(cancels.isDue("s", "r0", 1)).toBe(false);
    cancels.isDue("s", "one more", 1);
    expect(cancels.isDue("s", "r0", 1)).toBe(true);
    expect(cancels.isDue("s", "r2", 1)).toBe(false);
  });
});
