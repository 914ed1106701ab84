import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const SOURCE = path.resolve(import.meta.dirname, "..");
const LIST = readFileSync(path.join(import.meta.dirname, "PROPERTIES.md"), "utf8");

const rows = [...LIST.matchAll(/^\| (P?\d+) \| ([^|]+) \| (.+) \|$/gm)].map(([, name = "", what = "", tests = ""]) => ({
  name,
  what,
  tests: tests.split("<br>").map((entry) => /^`([^`]+)`: (.+)$/.exec(entry)?.slice(1) ?? [entry, ""]),
}));

describe("the list of what money can rely on", () => {
  it("names the properties and sequences that are shown", () => {
    const properties = Array.from({ length: 21 }, (_, index) => `P${index + 1}`);
    expect(rows.map(({ name }) => name)).toEqual([...properties, ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map(String)]);
  });

  it.each(rows)("$name: $what", ({ tests }) => {
    for (const [file = "", title = ""] of tests) expect(readFileSync(path.join(SOURCE, file), "utf8"), file).toContain(title);
  });
});
