import { readFileSync } from "node:fs";
import { API_ERROR_CODES } from "@umbel/dialects";
import { describe, expect, it } from "vitest";

describe("the list of error codes", () => {
  const document = readFileSync(new URL("../../../../docs/errors.md", import.meta.url), "utf8");
  const rows = document.split("\n").flatMap((line) => /^\| `([a-z_]+)` \| ([\d, ]+) \| (.+) \| (.+) \|$/.exec(line) ?? []);
  const documented = rows.filter((_, index) => index % 5 === 1);

  it("is documented whole, each code once, with status, cause and remedy", () => {
    expect([...documented].sort()).toEqual([...API_ERROR_CODES].sort());
  });
});
