import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const LIST = readFileSync(path.join(ROOT, "packages/routing/REGRESSIONS.md"), "utf8");

const rows = [...LIST.matchAll(/^\| (\d+) \| ([^|]+) \| (.+) \|$/gm)].map(([, number = "", failure = "", tests = ""]) => ({
  number,
  failure,
  tests: tests.split("<br>").map((entry) => /^`([^`]+)`: (.+)$/.exec(entry)?.slice(1) ?? [entry, ""]),
}));

describe("the list of failures that must not come back", () => {
  it("has twenty-six lines", () => {
    expect(rows.map(({ number }) => Number(number))).toEqual(Array.from({ length: 26 }, (_, index) => index + 1));
  });

  it.each(rows)("$number: $failure", ({ tests }) => {
    for (const [file = "", title] of tests) expect(readFileSync(path.join(ROOT, file), "utf8")).toContain(`"${title}"`);
  });
});
