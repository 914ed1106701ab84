import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statisticsRepository } from "./index.js";
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
