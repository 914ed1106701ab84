import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRowCache, type RowCache } from "./row-cache.js";
import { openStore, type Store } from "./store.js";
import { createTestDatabase, type TestDatabase } from "./testing.js";

const TTL_MS = 60_000;
let database: TestDatabase;
let elsewhere: Store;
let clock: ReturnType<typeof createFakeClock>;
let cache: RowCache<string>;
let loads: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  elsewhere = await openStore({ databaseUrl: database.databaseUrl });
});
afterAll(async () => {
  await elsewhere.close();
  await database.close();
});
beforeEach(async () => {
  clock = createFakeClock();
  loads = [];
  const limits = { entries_max: 2, ttl_ms: TTL_MS };
  cache = await createRowCache<string>({ store: database.store, clock, channel: "umbel_prices", found: limits, missing: limits });
  return () => cache.close();
});

function read(key: string): Promise<string | undefined> {
  return cache.read(key, async () => {
    loads.push(key);
    return key.startsWith("missing") ? undefined : `row ${key}`;
  });
}

describe("a row cache", () => {
  it("loads a row once until its time is over", async () => {
    await read("a");
    expect(await read("a")).toBe("row a");
    expect(loads).toEqual(["a"]);
    await clock.advance(TTL_MS);
    await read("a");
    expect(loads).toEqual(["a", "a"]);
  });

  it("lets readers of one key share one load", async () => {
    expect(await Promise.all([read("a"), read("a")])).toEqual(["row a", "row a"]);
    expect(loads).toEqual(["a"]);
  });

  it("drops the least recently used row, and never a row for a missing one", async () => {
    await read("a");
    await read("b");
    for (const key of ["missing 1", "missing 2", "missing 3"]) await read(key);
    await read("a");
    await read("c");
    loads.length = 0;
    await read("a");
    await read("c");
    expect(loads).toEqual([]);
    await read("b");
    expect(loads).toEqual(["b"]);
  });

  it("does not keep what was read while the table changed", async () => {
    let answer: (row: string) => void = () => undefined;
    const reading = cache.read(
      "a",
      () =>
        new Promise<string>((resolve) => {
          answer = resolve;
        }),
    );
    cache.invalidate();
    answer("stale");
    expect(await reading).toBe("stale");
    expect(await read("a")).toBe("row a");
  });

  it("forgets everything when another process changes the table", async () => {
    await read("a");
    await elsewhere.client`insert into model_prices values ('platform', 'model', 1, 1)`;
    await expect
      .poll(async () => {
        await read("a");
        return loads.length;
      })
      .toBe(2);
  });

  it("does not remember failures", async () => {
    await expect(cache.read("a", () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await read("a")).toBe("row a");
  });
});
