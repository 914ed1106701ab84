import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readChainKey } from "./chain-key.js";

const scratch = mkdtempSync(path.join(tmpdir(), "umbel-chain-key-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const KEY = `0x${"a1".repeat(32)}`;

function keyFile(content: string, mode: number): string {
  const file = path.join(scratch, `${mode}-${content.length}`);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

describe("the key of the address that pays", () => {
  it("is read from a file that its owner alone can read", () => {
    expect(readChainKey(keyFile(`${KEY}\n`, 0o600))).toBe(KEY);
  });

  it("is refused where others can read it, and said nothing of where it is none", () => {
    expect(() => readChainKey(keyFile(KEY, 0o640))).toThrow("chmod 600");
    const file = keyFile(KEY.slice(0, -2), 0o600);
    expect(() => readChainKey(file)).toThrow("holds no key");
    expect(() => readChainKey(file)).not.toThrow("a1a1");
  });
});
