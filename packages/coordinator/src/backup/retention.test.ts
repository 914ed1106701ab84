import { describe, expect, it } from "vitest";
import { backupName, beyond, madeAt } from "./retention.js";

const NONE = { latest: 0, hourly: 0, daily: 0, weekly: 0 };
/** Every six hours, for ten weeks; the last on a Wednesday at 18:00. */
const names = Array.from({ length: 280 }, (_, index) => backupName(new Date(Date.UTC(2026, 10, 25, 18 - 6 * index))));
const kept = (retention: Partial<typeof NONE>, all = names) => {
  const gone = new Set(beyond(all, { ...NONE, ...retention }));
  return all.filter((name) => !gone.has(name)).map((name) => madeAt(name)?.toISOString().slice(0, 13));
};

describe("of backups", () => {
  it("the latest are kept, and the last of each hour, day and week that is to have one", () => {
    expect(kept({ latest: 2 })).toEqual(["2026-11-25T18", "2026-11-25T12"]);
    expect(kept({ daily: 3 })).toEqual(["2026-11-25T18", "2026-11-24T18", "2026-11-23T18"]);
    expect(kept({ weekly: 3 })).toEqual(["2026-11-25T18", "2026-11-22T18", "2026-11-15T18"]);
    expect(kept({ hourly: 2 })).toEqual(["2026-11-25T18", "2026-11-25T12"]);
    const many = [0, 10, 20].flatMap((minute) => [7, 8].map((hour) => backupName(new Date(Date.UTC(2026, 0, 1, hour, minute)))));
    expect(kept({ hourly: 24 }, many)).toHaveLength(2);
    expect(kept({ latest: 14, hourly: 24, daily: 14, weekly: 8 })).toHaveLength(24 + 8 + 5);
  });

  it("those that stay are the same, whether old ones are removed each time or once", () => {
    const retention = { latest: 3, hourly: 4, daily: 5, weekly: 6 };
    let there: string[] = [];
    for (const name of [...names].reverse()) {
      there.push(name);
      const gone = new Set(beyond(there, retention));
      there = there.filter((each) => !gone.has(each));
    }
    expect(there.map((name) => madeAt(name)?.toISOString().slice(0, 13)).reverse()).toEqual(kept(retention));
  });

  it("files of other names are none, and a place without any keeps what is there", () => {
    expect(beyond(["mine.txt", "umbel-backup-x.ndjson.gz.age", "umbel-backup-20260101T000000Z.ndjson.gz.age.part"], NONE)).toEqual([]);
    expect(kept({ latest: 5 }, [])).toEqual([]);
  });
});
