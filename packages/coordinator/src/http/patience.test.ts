import { describe, expect, it } from "vitest";
import { DEADLINE_LIMITS, patience_ms } from "./patience.js";

describe("how long a caller waits for an answer to begin", () => {
  it("is what it says, or what its client was told, and otherwise unknown", () => {
    expect(patience_ms({ "x-umbel-deadline-ms": "1500" })).toBe(1_500);
    expect(patience_ms({ "x-umbel-deadline-ms": "1500", "x-stainless-timeout": "600" })).toBe(1_500);
    expect(patience_ms({ "x-stainless-timeout": "600" })).toBe(600_000);
    expect(patience_ms({ "x-stainless-timeout": "0.5" })).toBe(500);
    expect(patience_ms({})).toBeUndefined();
  });

  it.each(["0", "3600001", "-1", "1.5", "1e3", "soon", "", "99999999999999999"])("is not %j milliseconds", (value) => {
    expect(() => patience_ms({ "x-umbel-deadline-ms": value })).toThrow(
      expect.objectContaining({ status: 400, code: "invalid_request_error", param: "X-Umbel-Deadline-Ms" }),
    );
  });

  it("reaches from its least to its most", () => {
    const { deadline_ms_min, deadline_ms_max } = DEADLINE_LIMITS;
    for (const most of [deadline_ms_min, deadline_ms_max]) expect(patience_ms({ "x-umbel-deadline-ms": `${most}` })).toBe(most);
    expect(patience_ms({ "x-stainless-timeout": "86400" })).toBe(deadline_ms_max);
  });

  it.each(["0", "-5", "Infinity", "NaN", "5s"])("is not known from a client that writes %j", (value) => {
    expect(patience_ms({ "x-stainless-timeout": value })).toBeUndefined();
  });
});
