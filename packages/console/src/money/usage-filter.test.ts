import { describe, expect, it } from "vitest";
import { filterFrom, queryOf } from "./usage-filter.js";

describe("what usage is narrowed to", () => {
  it("comes back from the address whole, and is asked for as the API takes it", () => {
    const filter = filterFrom("?from=2026-05-01&model=oak%207b&key_id=key_1&group=model");
    expect(filter).toEqual({ from: "2026-05-01", to: "", model: "oak 7b", key_id: "key_1", group: "model" });
    expect(filterFrom(queryOf(filter, "address"))).toEqual(filter);
    expect(queryOf(filter, "list", { limit: "25" })).toBe("?from=2026-05-01&model=oak+7b&key_id=key_1&limit=25");
    expect(queryOf(filterFrom(""), "summary")).toBe("?group=day");
    expect(queryOf(filterFrom(""), "address")).toBe("");
  });

  it("is nothing where an address makes no sense", () => {
    expect(filterFrom("?from=yesterday&group=mood")).toEqual({ from: "", to: "", model: "", key_id: "", group: "day" });
  });
});
