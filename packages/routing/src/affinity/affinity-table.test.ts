import { describe, expect, it } from "vitest";
import { AffinityTable, type PrefixMark } from "./affinity-table.js";

const marks = (...keys: string[]): PrefixMark[] => keys.map((key, index) => ({ key, tokens: 100 * (index + 1) }));

describe("who holds which prefix", () => {
  it("is whoever answered the longest known beginning last", () => {
    const table = new AffinityTable({ ttl_ms: 1_000, entries_max: 100 });
    expect(table.holderOf(marks("system", "turn 1"), 0)).toBeUndefined();
    table.served(marks("system", "turn 1"), "one", 0);
    table.served(marks("system", "other turn"), "two", 0);
    expect(table.holderOf(marks("system", "turn 1", "turn 2"), 0)).toEqual({ machineId: "one", tokens: 200 });
    expect(table.holderOf(marks("system", "third turn"), 0)).toEqual({ machineId: "two", tokens: 100 });
    expect(table.holderOf(marks("other system"), 0)).toBeUndefined();
    expect(table.holderOf([], 0)).toBeUndefined();
  });

  it("claims no more than was answered", () => {
    const table = new AffinityTable({ ttl_ms: 1_000, entries_max: 100 });
    table.served([{ key: "a", tokens: 50 }], "one", 0);
    expect(table.holderOf([{ key: "a", tokens: 5_000 }], 0)).toEqual({ machineId: "one", tokens: 50 });
  });

  it("is forgotten when nobody has asked for it for a while", () => {
    const table = new AffinityTable({ ttl_ms: 1_000, entries_max: 100 });
    table.served(marks("a"), "one", 0);
    expect(table.holderOf(marks("a"), 900)).toBeDefined();
    expect(table.holderOf(marks("a"), 1_899)).toBeDefined();
    expect(table.holderOf(marks("a"), 2_899)).toBeUndefined();
    expect(table.size).toBe(0);
  });

  it("is bounded: what was used least recently goes first", () => {
    const table = new AffinityTable({ ttl_ms: 1_000, entries_max: 3 });
    table.served(marks("a", "b", "c"), "one", 0);
    table.holderOf(marks("a"), 1);
    table.served(marks("d"), "one", 2);
    expect(table.size).toBe(3);
    expect(table.holderOf(marks("b"), 3)).toBeUndefined();
    expect(table.holderOf(marks("a"), 3)).toBeDefined();
  });
});
