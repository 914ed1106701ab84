import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DiscoveryRecord,
  KEY_FILE,
  LocalKeyError,
  localKey,
  readDiscoveryRecord,
  removeDiscoveryRecord,
  writeDiscoveryRecord,
} from "./local-files.js";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-local-"));
});
afterEach(() => rm(home, { recursive: true }));

describe("the key", () => {
  it("is made once, also by several at the same time, and nobody else can read it", async () => {
    const keys = await Promise.all([localKey(home), localKey(home), localKey(home)]);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^umbel-local-[A-Za-z0-9_-]{43}$/);
    expect(await localKey(home)).toBe(keys[0]);
    expect((await stat(path.join(home, KEY_FILE))).mode & 0o777).toBe(0o600);
    expect(await readdir(home)).toEqual([KEY_FILE]);
  });

  it("is refused when others could read it, or when the file holds something else", async () => {
    await localKey(home);
    await chmod(path.join(home, KEY_FILE), 0o644);
    await expect(localKey(home)).rejects.toThrow(LocalKeyError);
    await chmod(path.join(home, KEY_FILE), 0o600);
    await writeFile(path.join(home, KEY_FILE), "secret\n");
    await expect(localKey(home)).rejects.toThrow("holds no key");
  });
});

describe("the discovery record", () => {
  const record: DiscoveryRecord = {
    version: "0.1.0",
    updated_at: "2026-11-30T00:00:00.000Z",
    port: 8000,
    pid: process.pid,
    models: ["sprout"],
    host: "127.0.0.1",
    base_url: "http://127.0.0.1:8000/v1",
    api_key: "umbel-local-key",
  };

  it("is there, private and sorted, until it is removed", async () => {
    await writeDiscoveryRecord(home, record);
    expect(await readDiscoveryRecord(home)).toEqual(record);
    const [file = ""] = await readdir(home);
    expect((await stat(path.join(home, file))).mode & 0o777).toBe(0o600);
    const keys = Object.keys(JSON.parse(await readFile(path.join(home, file), "utf8")));
    expect(keys).toEqual([...keys].sort());
    await removeDiscoveryRecord(home, record);
    expect(await readDiscoveryRecord(home)).toBeUndefined();
    expect(await readdir(home)).toEqual([]);
  });

  it("of a process that is gone, or another's, is neither believed nor removed", async () => {
    await writeDiscoveryRecord(home, { ...record, pid: 2 ** 30 });
    expect(await readDiscoveryRecord(home)).toBeUndefined();
    await writeDiscoveryRecord(home, { ...record, pid: process.ppid });
    await removeDiscoveryRecord(home, record);
    expect(await readDiscoveryRecord(home)).toMatchObject({ pid: process.ppid });
  });
});
