import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPauseFile } from "./pause-file.js";

describe("a pause over restarts", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "umbel-pause-"));
  });
  afterEach(() => rm(home, { recursive: true }));

  it("is none at first, and ends or not", async () => {
    const file = createPauseFile(path.join(home, "provider"));
    expect(await file.read()).toBe(0);
    for (const until_ms of [Date.UTC(2026, 11, 1), Number.POSITIVE_INFINITY]) {
      await file.write(until_ms);
      expect(await file.read()).toBe(until_ms);
    }
    await file.write(0);
    await file.write(0);
    expect(await file.read()).toBe(0);
    expect(await readdir(path.join(home, "provider"))).toEqual([]);
  });

  it.each(["", "{}", '{"until":"soon"}', '{"until":null,"more":1}'])("holds when its file cannot be read: %j", async (text) => {
    await writeFile(path.join(home, "pause.json"), text);
    expect(await createPauseFile(home).read()).toBe(Number.POSITIVE_INFINITY);
  });
});
