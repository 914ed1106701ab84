import { expect, it } from "vitest";
import { nestsDeeperThan } from "./json-depth.js";

it.each([
  ["text", 0],
  [null, 0],
  [[], 1],
  [{ a: [1, { b: 2 }], c: [] }, 3],
])("%j nests %i deep", (value, levels) => {
  expect(nestsDeeperThan(value, levels)).toBe(false);
  if (levels > 0) expect(nestsDeeperThan(value, levels - 1)).toBe(true);
});

it("follows a nesting that would exhaust the stack of a recursive walk", () => {
  const levels = 100_000;
  const deep = JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
  expect(nestsDeeperThan(deep, levels)).toBe(false);
  expect(nestsDeeperThan(deep, levels - 1)).toBe(true);
});
