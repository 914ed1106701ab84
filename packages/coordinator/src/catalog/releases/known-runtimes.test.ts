import { describe, expect, it } from "vitest";
import type { ReleaseRow } from "../../store/index.js";
import { createKnownRuntimes } from "./known-runtimes.js";

const [OLD, NEW, NAMED] = ["aa", "bb", "cc"].map((byte) => byte.repeat(32)) as [string, string, string];

function release(binaryHash: string, active = true): ReleaseRow {
  return {
    ...{ version: "1.0.0", platform: "linux-x64", channel: "stable", url: "", bundleHash: "", binaryHash, signature: null },
    ...{ changelog: "", rollout_percent: 100, active, createdAt: new Date(0) },
  };
}

describe("the programs that are known", () => {
  it("are those of every release that is offered and those that are named, and stay where the releases cannot be read", async () => {
    let rows: readonly ReleaseRow[] | undefined = [release(OLD), release(NEW)];
    let changes = 0;
    const all = async () => rows ?? Promise.reject(new Error("no database"));
    const known = createKnownRuntimes({ releases: { all }, others: [NAMED], onChanged: () => (changes += 1) });
    const found = () => [OLD, NEW, NAMED, undefined].map((hash) => known.has(hash));
    expect(found()).toEqual([false, false, true, false]);
    await known.refresh();
    await known.refresh();
    expect([...found(), changes]).toEqual([true, true, true, false, 1]);
    rows = undefined;
    await expect(known.refresh()).rejects.toThrow("no database");
    expect(found()).toEqual([true, true, true, false]);
    rows = [release(OLD, false), release(NEW)];
    await known.refresh();
    expect([...found(), changes]).toEqual([false, true, true, false, 2]);
  });
});
