import { expect, it } from "vitest";
import { laneOf } from "./lane.js";

it("puts all scopes of an account into one lane, and what has none into another", () => {
  expect(laneOf("ada")).toBe("ada");
  expect(laneOf("ada.one")).toBe(laneOf("ada.two"));
  expect(laneOf("bob.one")).not.toBe(laneOf("ada.one"));
  expect(laneOf(undefined)).toBe("");
});
