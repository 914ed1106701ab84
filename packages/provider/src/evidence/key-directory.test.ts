import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyFileIn, prepareKeyDirectory } from "./key-directory.js";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-keys-"));
});
afterEach(() => rm(home, { recursive: true }));

const modeOf = async (file: string) => (await stat(file)).mode & 0o777;

describe("key folder", () => {
  it("is made for its owner only, and says whether it holds a key", async () => {
    const folder = path.join(home, "a", "keys");
    expect(await prepareKeyDirectory(folder)).toEqual({ hasKey: false });
    expect(await modeOf(folder)).toBe(0o700);
    await writeFile(keyFileIn(folder), "");
    expect(await prepareKeyDirectory(folder)).toEqual({ hasKey: true });
  });

  it("is closed when others can only look into it", async () => {
    const folder = path.join(home, "keys");
    await mkdir(folder, { mode: 0o755 });
    await prepareKeyDirectory(folder);
    expect(await modeOf(folder)).toBe(0o700);
  });

  it("is refused when others can write to it", async () => {
    await chmod(home, 0o777);
    await expect(prepareKeyDirectory(home)).rejects.toMatchObject({ code: "key_exposed" });
  });

  it("says so when it cannot be made", async () => {
    await writeFile(path.join(home, "file"), "");
    await expect(prepareKeyDirectory(path.join(home, "file", "keys"))).rejects.toMatchObject({ code: "key_unwritable" });
  });
});
