import { describe, expect, it } from "vitest";
import { pageOf } from "./pages-by-id.js";

const ids = ["b", "a", "d", "c"].map((id) => ({ id }));
const page = (asked: { limit: number; after?: string }) => {
  const { rows, next } = pageOf(ids, ({ id }) => id, asked);
  return [rows.map(({ id }) => id).join(""), next];
};

describe("pages of a list by id", () => {
  it.each([
    [{ limit: 1_000 }, ["abcd", null]],
    [{ limit: 4 }, ["abcd", null]],
    [{ limit: 3 }, ["abc", "c"]],
    [{ limit: 3, after: "c" }, ["d", null]],
    // One that is gone.
    [{ limit: 2, after: "aa" }, ["bc", "c"]],
    [{ limit: 2, after: "z" }, ["", null]],
  ])("%j is %j", (asked, expected) => expect(page(asked)).toEqual(expected));
});
