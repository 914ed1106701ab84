import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrefixCacheFolder } from "./prefix-cache-folder.js";

let home: string;
const warnings: object[] = [];
const logger = { debug: () => undefined, info: () => undefined, warn: (fields: object) => warnings.push(fields), error: () => undefined };
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-prefix-folder-"));
});
afterAll(() => rm(home, { recursive: true }));

describe.skipIf(process.platform !== "linux")("the folder of kept prompts", () => {
  it("is the owner's alone, empty at every start, and takes half of what is free at most", async () => {
    const folder = new PrefixCacheFolder({ home, bytes_max: 1000, logger });
    const first = await folder.prepare();
    await writeFile(path.join(home, "prefix-cache", "left.umkv"), "what another worker left");
    const second = await folder.prepare();
    expect(await readdir(path.join(home, "prefix-cache"))).toEqual([]);
    expect((await stat(path.join(home, "prefix-cache"))).mode & 0o777).toBe(0o700);
    expect(first?.bytes_max).toBe(1000);
    expect(second?.scratch).not.toBe(first?.scratch);
    const unbounded = await new PrefixCacheFolder({ home, bytes_max: Number.MAX_VALUE, logger }).prepare();
    expect(unbounded?.bytes_max).toBeLessThan(Number.MAX_VALUE);
    expect(warnings).toEqual([]);
  });

  it("is refused with a reason, once, where no folder lies in memory", async () => {
    const onDisk = path.join(process.cwd(), "node_modules");
    const folder = new PrefixCacheFolder({ home, bytes_max: 1000, logger, memoryFolder: onDisk });
    expect(await folder.prepare()).toBeUndefined();
    expect(await folder.prepare()).toBeUndefined();
    expect(warnings.splice(0)).toEqual([{ reason: `${onDisk} does not lie in memory` }]);
    const nowhere = new PrefixCacheFolder({ home, bytes_max: 1000, logger, memoryFolder: path.join(home, "nowhere") });
    expect(await nowhere.prepare()).toBeUndefined();
    expect(warnings.splice(0)).toHaveLength(1);
  });
});
