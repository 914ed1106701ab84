import { describe, expect, it } from "vitest";
import { createViolations, REMEMBERED_VIOLATORS_MAX } from "./violations.js";

describe("the memory of violations", () => {
  it("keeps the first reason", () => {
    const violations = createViolations();
    expect(violations.reasonFor("machine")).toBeUndefined();
    violations.record("machine", "first");
    violations.record("machine", "second");
    expect(violations.reasonFor("machine")).toBe("first");
  });

  it("holds ten thousand machines, the latest ones", () => {
    const violations = createViolations();
    for (let i = 0; i <= REMEMBERED_VIOLATORS_MAX; i++) violations.record(`machine ${i}`, "reason");
    expect(violations.reasonFor("machine 0")).toBeUndefined();
    expect(violations.reasonFor("machine 1")).toBe("reason");
  });
});
