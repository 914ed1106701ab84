import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUsageDays } from "../ledger/index.js";
import { departureRepository, rollupRepository, statisticsRepository, usageRepository } from "./index.js";
import { createTestDatabase, type TestDatabase } from "./testing.js";

let database: TestDatabase;
const NOW = new Date("2026-11-30T12:00:00Z");

beforeAll(async () => {
  database = await createTestDatabase();
  const { client } = database.store;
  await client`insert into users (account_id, display_name, listed) values ('anna', '', true), ('ben', '', true), ('shy', '', false), ('idle', '', true)`;
  const earn = (job: string, account: string, model: string, amount: number, at: Date) => client`
    insert into provider_earnings (job_id, account_id, machine_id, model, amount, prompt_tokens, completion_tokens, created_at)
      values (${job}, ${account}, 'm', ${model}, ${amount}, ${model === "base_reward" ? 0 : 10}, ${model === "base_reward" ? 0 : 5}, ${at.toISOString()})`;
  await earn("1", "anna", "oak", 100, NOW);
  await earn("2", "anna", "oak", 100, NOW);
  await earn("floor:e:m", "anna", "base_reward", 40, NOW);
  await earn("3", "ben", "oak", 210, NOW);
  await earn("4", "shy", "oak", 900, NOW);
  await earn("5", "ben", "oak", 1_000, new Date("2026-01-01T00:00:00Z"));
  const give = (type: string, account: string, amount: number) => client`
    select ledger_post_entries('gift', ${`${type}:${account}`}, 'r', array[${account}, 'sys:rewards'], array[${type}, ${type}],
      array[${amount}, ${-amount}]::bigint[], array[null, null]::bigint[], ${NOW.toISOString()}::timestamptz)`;
  await give("referral_reward", "anna", 7);
  await give("admin_reward", "anna", 3);
  await give("admin_credit", "anna", 1_000);
  await give("admin_reward", "idle", 5_000);
});
afterAll(() => database.close());

const lately = new Date("2026-11-29T12:00:00Z");

describe("what was used", () => {
  const day = (text: string) => new Date(`${text}Z`);
  const use = (id: string, at: string, change: { key?: string; model?: string; own?: boolean; tokens?: number } = {}) => {
    const { key = null, model = "oak", own = false, tokens = 10 } = change;
    return database.store
      .client`insert into usage (request_id, account_id, key_id, machine_id, model, public_model, prompt_tokens, completion_tokens,
        reasoning_tokens, cached_prompt_tokens, cost, is_public, admitted_at, created_at)
      values (${id}, 'carla', ${key}, 'm', ${model}, ${`${model}-public`}, ${tokens}, 5, 0, 0, 100, ${!own}, ${at}, ${`${at}Z`})`;
  };
  const ranges = [
    {},
    { from: day("2026-11-02T00:00:00"), to: day("2026-11-04T00:00:00") },
    { from: day("2026-11-02T06:00:00"), to: day("2026-11-03T06:00:00") },
    { to: day("2026-11-03T00:00:00.000"), keyId: "key_1" },
    { from: day("2026-11-01T23:59:59.999"), model: "oak" },
    { model: "elm-public" },
  ];

  it("is the same in all and in part, however much of it is added up by the day", async () => {
    const { db } = database.store;
    const all = async () => ({
      totals: await statisticsRepository.usageTotals(db),
      sums: await Promise.all(
        ranges.flatMap((range) =>
          (["day", "model", "key"] as const).map((group) => usageRepository.sums(db, { accountId: "carla", ...range }, group, 100)),
        ),
      ),
    });
    expect((await all()).totals).toEqual({ requests: 0, prompt_tokens: 0, completion_tokens: 0 });
    await use("u1", "2026-11-01T23:59:59.999");
    await use("u2", "2026-11-02T00:00:00", { key: "key_1" });
    await use("u3", "2026-11-02T12:00:00", { key: "key_1", tokens: 7 });
    await use("u4", "2026-11-03T05:00:00", { key: "key_2", model: "elm", own: true });
    await use("u5", "2026-11-05T05:00:00", { model: "elm" });
    const before = await all();
    expect(before.totals).toEqual({ requests: 4, prompt_tokens: 37, completion_tokens: 20 });
    expect(before.sums[0]?.map(({ name, requests }) => [name, requests])).toEqual([
      ["2026-11-05", 1],
      ["2026-11-03", 1],
      ["2026-11-02", 2],
      ["2026-11-01", 1],
    ]);
    let days = 0;
    while (await database.store.transaction((tx) => rollupRepository.addDay(tx, day("2026-11-05T00:30:00")))) {
      days += 1;
      expect(await all()).toEqual(before);
    }
    expect(days).toBe(4);
    await use("u6", "2026-11-05T06:00:00", { tokens: 100 });
    expect((await all()).totals).toEqual({ requests: 5, prompt_tokens: 137, completion_tokens: 25 });
    const together = await Promise.all(
      [1, 2, 3].map(() => createUsageDays({ store: database.store, clock: createFakeClock(NOW) }).addUp()),
    );
    expect(together.reduce((sum, count) => sum + count, 0)).toBe(25);
    expect((await all()).totals).toEqual({ requests: 5, prompt_tokens: 137, completion_tokens: 25 });
  });

  it("is the same by the minute, however many minutes are added up, and those are forgotten after thirty days", async () => {
    const { db, client } = database.store;
    const figures = async () => ({
      totals: await statisticsRepository.usageTotals(db),
      minutes: await statisticsRepository.usageMinutes(db, day("2026-11-30T10:00:00")),
    });
    for (const time of ["10:00:00", "10:00:59.999", "11:57:30", "11:59:10"]) await use(`m-${time}`, `2026-11-30T${time}`);
    await use("m-own", "2026-11-30T11:00:00", { own: true });
    const before = await figures();
    expect(before.minutes.map(({ minute, requests }) => [minute.toISOString().slice(11, 16), requests])).toEqual([
      ["10:00", 2],
      ["11:57", 1],
      ["11:59", 1],
    ]);
    const rollups = (at: Date) => createUsageDays({ store: database.store, clock: createFakeClock(at) });
    await Promise.all([rollups(NOW).addUpMinutes(), rollups(NOW).addUpMinutes()]);
    expect(await figures()).toEqual(before);
    // What came in the last two minutes is still counted one by one.
    const addedUp = await client`select to_char(minute at time zone 'UTC', 'HH24:MI') as minute from usage_minutes order by 1`;
    expect(addedUp.map((row) => row["minute"])).toEqual(["10:00", "11:57"]);
    await rollups(new Date(NOW.getTime() + 60 * 60_000)).addUpMinutes();
    expect(await figures()).toEqual(before);
    const later = rollups(new Date(NOW.getTime() + 32 * 86_400_000));
    await later.addUpMinutes();
    expect((await figures()).totals).toEqual(before.totals);
    await later.addUp();
    await later.addUpMinutes();
    expect(await client`select 1 from usage_minutes`).toHaveLength(0);
    expect((await figures()).totals).toEqual(before.totals);
  });

  it("forgets an account's keys without losing what they used", async () => {
    const sums = () => usageRepository.sums(database.store.db, { accountId: "carla" }, "day", 100);
    const before = await sums();
    await database.store.transaction((tx) => departureRepository.forget(tx, "carla", NOW));
    expect(await sums()).toEqual(before);
    const byKey = await usageRepository.sums(database.store.db, { accountId: "carla" }, "key", 100);
    expect(byKey.map(({ name, requests }) => [name, requests])).toEqual([[null, 11]]);
  });
});

describe("who earned most", () => {
  it("goes by work and rewards, tells them apart, and lists providers alone, those who want to be listed", async () => {
    expect(await statisticsRepository.leaders(database.store.db, "earnings", lately, 10)).toEqual([
      { accountId: "anna", work_microUsd: 200n, reward_microUsd: 50n, tokens: 30, jobs: 2 },
      { accountId: "ben", work_microUsd: 210n, reward_microUsd: 0n, tokens: 15, jobs: 1 },
    ]);
    const ever = await statisticsRepository.leaders(database.store.db, "earnings", undefined, 1);
    expect(ever).toMatchObject([{ accountId: "ben", work_microUsd: 1_210n }]);
    expect((await statisticsRepository.leaders(database.store.db, "jobs", undefined, 1))[0]).toMatchObject({ jobs: 2 });
  });

  it("adds up to totals in which whoever is not listed counts, and no gift to somebody who provides nothing", async () => {
    expect(await statisticsRepository.earningTotals(database.store.db, lately)).toEqual({
      ...{ work_microUsd: 1_310n, reward_microUsd: 50n, tokens: 60, jobs: 4, accounts: 3 },
    });
  });
});
