import { mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "./exit-codes.js";
import { asFileError } from "./file-error.js";

describe("a failure of the file system", () => {
  it("names the place, says what it means and what to do", () => {
    const failed = (() => {
      try {
        mkdirSync("/dev/null/below", { recursive: true });
      } catch (error) {
        return error;
      }
    })();
    expect(asFileError(failed)).toMatchObject({
      exitCode: EXIT_CODES.hardware,
      message: expect.stringContaining("/dev/null"),
      remedy: expect.stringContaining("--home"),
    });
  });

  it("is nothing else", () => {
    expect(asFileError(new Error("other"))).toBeUndefined();
    expect(asFileError(Object.assign(new Error("net"), { code: "ECONNREFUSED" }))).toBeUndefined();
  });
});
