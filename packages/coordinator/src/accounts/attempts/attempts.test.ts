import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore, type Store } from "../../store/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { type Attempts, type CountedAttempt, createAttempts } from "./index.js";

const FIVE = { name: "five", perSecond: 1 / 12, burst: 5 };
const clock = createFakeClock();
let database: TestDatabase;
let other: Store;
/** As two coordinators on one database count. */
let here: Attempts;
let there: Attempts;
beforeAll(async () => {
  database = await createTestDatabase();
  other = await openStore({ databaseUrl: database.databaseUrl });
  here = createAttempts({ store: database.store, clock });
  there = createAttempts({ store: other, clock });
});
afterAll(async () => {
  await other.close();
  await database.close();
});

const of = (...who: readonly string[]): readonly CountedAttempt[] => who.map((one) => ({ limit: FIVE, who: one }));

describe("tries", () => {
  it("are counted by all coordinators of one database together, however many come at once", async () => {
    const tries = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? here : there).take(of("ada")));
    const waits = await Promise.all(tries);
    expect(waits.filter((wait_ms) => wait_ms === undefined)).toHaveLength(5);
    expect(new Set(waits)).toEqual(new Set([undefined, 12_000]));
    // A coordinator that starts anew has counted nothing itself.
    expect(await createAttempts({ store: other, clock }).take(of("ada"))).toBe(12_000);
    await clock.advance(12_000);
    expect(await there.take(of("ada"))).toBeUndefined();
    expect(await here.take(of("ada"))).toBe(12_000);
  });

  it("are counted against all that they are held against, or against none", async () => {
    for (let tries = 0; tries < 5; tries++) expect(await here.take(of("a network", `person ${tries}`))).toBeUndefined();
    for (let tries = 0; tries < 9; tries++) expect(await here.take(of("a network", "bob"))).toBeDefined();
    expect(await there.take(of("bob"))).toBeUndefined();
  });

  it("that share limits in another order at once do not block each other", async () => {
    const tries = Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? here.take(of("x", "y")) : there.take(of("y", "x"))));
    expect((await Promise.all(tries)).filter((wait_ms) => wait_ms === undefined)).toHaveLength(5);
  });

  it("can be taken back, up to what there is", async () => {
    for (let tries = 0; tries < 5; tries++) await here.take(of("carol"));
    expect(await there.take(of("carol"))).toBeDefined();
    await there.giveBack(of("carol"));
    expect(await here.take(of("carol"))).toBeUndefined();
    await here.giveBack(of("nobody has tried"));
  });

  it("are not counted where there is no limit, and forgotten when they count no more, under a digest meanwhile", async () => {
    const limit = { ...FIVE, perSecond: 0 };
    for (let tries = 0; tries < 9; tries++) expect(await here.take([{ limit, who: "dora" }])).toBeUndefined();
    const kept = () => database.store.client`select b::text as text from attempt_buckets b`;
    expect((await kept()).length).toBeGreaterThan(3);
    expect(JSON.stringify(await kept())).not.toMatch(/ada|network|carol/);
    await here.sweep();
    expect((await kept()).length).toBeGreaterThan(3);
    clock.sleep(60_001);
    await here.sweep();
    expect(await kept()).toHaveLength(0);
  });
});
