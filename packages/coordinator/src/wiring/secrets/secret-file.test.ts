import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { secretFile } from "./secret-file.js";

describe("secretFile", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "umbel-secret-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("makes random bytes that only the owner can read, and finds them again", async () => {
    const file = path.join(directory, "new", "salt");
    const first = await secretFile(file, 32);
    expect(first).toHaveLength(32);
    expect(await secretFile(file, 32)).toEqual(first);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("gives the same bytes to all who begin at once, and leaves no drafts", async () => {
    const file = path.join(directory, "salt");
    const secrets = await Promise.all(Array.from({ length: 8 }, () => secretFile(file, 32)));
    expect(new Set(secrets.map(String)).size).toBe(1);
    expect(readdirSync(directory)).toEqual(["salt"]);
  });

  it("refuses a file of another length", async () => {
    const file = path.join(directory, "salt");
    writeFileSync(file, "short");
    await expect(secretFile(file, 32)).rejects.toThrow(/5 bytes instead of 32/);
  });
});
