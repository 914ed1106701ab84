import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReconciler, createUsageDays } from "../ledger/index.js";
import { createStatements, type Statement } from "../statements/index.js";
import { keyRepository, leaseRepository, statisticsRepository, usageRepository } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { createRetention, RETENTION_LIMITS } from "./index.js";

const DAY_ms = 24 * 3_600_000;
const START = Date.UTC(2026, 0, 1);
const clock = createFakeClock(new Date(START));
const KEPT = { reservations_days: 90, usage_days: 400 };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  const { client } = database.store;
  await client`insert into users (account_id, display_name) values ('alice', 'Alice'), ('bob', 'Bob')`;
  await client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_reset, allowed_models) values ('key_1', 'hash', '', 'alice', '', 'none', '{}')`;
  await client`select ledger_post_entries('gift', 'gift', 'gift', array['alice', 'sys:promo'], array['admin_credit', 'admin_credit'],
    array[1000000, -1000000]::bigint[], array[null, null]::bigint[], ${clock.date().toISOString()}::timestamptz)`;
});
afterAll(() => database.close());

const retention = (settings = KEPT, instanceId = "one") => createRetention({ store: database.store, clock, instanceId, settings });
const daysOn = (days: number) => clock.sleep(START + days * DAY_ms - clock.date().getTime());

/** Holds and settles a request; one of `cost` 0 is served by the account's own machine. */
async function serve(id: string, model: string, cost: number): Promise<void> {
  const now = clock.date().toISOString();
  const { client } = database.store;
  await client`select ledger_hold(${id}, 'alice', 'key_1', 'build', ${model}, 500, 100, 100, 50000, 200000, 'platform', 0, 'i', ${now}::timestamptz)`;
  await client`select ledger_settle(${id}, 0, 10, 5, 0, 0, ${cost}::bigint, 0, 50000, 200000, 's', 'm', ${cost === 0 ? "alice" : "bob"}, 'done', 0,
    ${now}::timestamptz, ${now}::timestamptz)`;
}

const count = async (table: string): Promise<number> => {
  const [row] = await database.store.client<{ rows: bigint }[]>`select count(*) as rows from ${database.store.client(table)}`;
  return Number(row?.rows);
};

/** All that reports say of the account, for ranges of whole days. */
async function reports() {
  const { db } = database.store;
  const at = (days: number) => new Date(START + days * DAY_ms);
  const ranges = [{}, { from: at(1), to: at(3) }, { to: at(41) }, { from: at(2), model: "oak" }, { keyId: "key_1" }];
  const statements = createStatements({ store: database.store, clock });
  const months: (Statement | undefined)[] = [];
  for (const { month } of await statements.list("alice")) months.push(await statements.get("alice", month));
  return {
    totals: await statisticsRepository.usageTotals(db),
    sums: await Promise.all(
      ranges.flatMap((range) =>
        (["day", "model", "key"] as const).map((group) => usageRepository.sums(db, { accountId: "alice", ...range }, group, 100)),
      ),
    ),
    january: months.at(-1),
    february: months.at(-2),
  };
}

describe("what is kept of requests", () => {
  it("goes when it is old enough, in its turn; books, sums, statements and the cap of a key stay what they were", async () => {
    for (let day = 1; day <= 45; day += 1) {
      daysOn(day);
      await serve(`own-${day}`, "oak", 0);
      await serve(`req-${day}`, day % 3 === 0 ? "oak" : "elm", 100 + day);
    }
    await createUsageDays({ store: database.store, clock }).addUp();
    const check = () => createReconciler({ store: database.store, clock, random: Math.random, onEvent: () => undefined }).check();
    expect(await retention().run()).toEqual({ reservations: 0, usage: 0, key_spend: 0 });

    daysOn(132);
    await createUsageDays({ store: database.store, clock }).addUp();
    const before = await reports();
    expect(before.january?.items.find(({ type, model }) => type === "charge" && model === "oak")).toMatchObject({ entries: 10 });
    expect(before.january?.freeRequests).toBe(30);
    // Those of 41 days; usage is kept for longer.
    expect(await retention().run()).toMatchObject({ reservations: 82, usage: 0 });
    expect(await reports()).toEqual(before);
    expect((await check()).violations).toEqual([]);

    daysOn(422);
    const later = await reports();
    expect(await retention().run()).toMatchObject({ reservations: 8, usage: 42 });
    expect(await count("usage")).toBe(48);
    expect(await reports()).toEqual(later);
    expect(later.january).toEqual(before.january);
    expect((await check()).violations).toEqual([]);
    expect(await count("ledger_entries")).toBe(92);
  });

  it("counts whole for a range that has a part of a day of which single requests are gone", async () => {
    const within = { from: new Date(START + 3.5 * DAY_ms), to: new Date(START + 4.5 * DAY_ms) };
    const sums = await usageRepository.sums(database.store.db, { accountId: "alice", ...within }, "day", 10);
    expect(sums.map(({ name, requests }) => [name, requests])).toEqual([
      ["2026-01-05", 2],
      ["2026-01-04", 2],
    ]);
  });

  it("still counts against a key's cap, under whatever rule, also where the rule was another one meanwhile", async () => {
    const { client, db } = database.store;
    const [row] = await client<{ spent: bigint }[]>`select sum(cost)::bigint as spent from usage_days`;
    const spent = Number(row?.spent);
    await client`update api_keys set limit_reset = 'monthly', limit_micro_usd = ${spent + 700} where id = 'key_1'`;
    await serve("monthly", "oak", 300);
    await client`update api_keys set limit_reset = 'none' where id = 'key_1'`;
    await keyRepository.openWindow(db, "key_1", clock.date());
    const hold = (id: string) => client`select (ledger_hold(${id}, 'alice', 'key_1', 'build', 'oak', 500, 1, 1, 1, 1, 'platform', 0, 'i',
      ${clock.date().toISOString()}::timestamptz)).*`;
    expect(await hold("too-much")).toMatchObject([{ outcome: "key_limit", key_used: BigInt(spent + 300) }]);
  });

  it("is nobody's to claim who has paid it, when it is known from the journal alone", async () => {
    await database.store
      .client`insert into provider_earnings (job_id, account_id, machine_id, model, amount, prompt_tokens, completion_tokens, created_at)
        values ('req-1', 'sys:unclaimed', 'm', 'build', 101, 10, 5, ${new Date(START).toISOString()}) on conflict (job_id) do update set account_id = excluded.account_id`;
    const claim = (account: string) =>
      database.store.client<
        { claimed: bigint }[]
      >`select ledger_claim('m', ${account}, to_timestamp(0), ${clock.date().toISOString()}::timestamptz) as claimed`;
    expect(await claim("alice")).toMatchObject([{ claimed: 0n }]);
  });

  it("is kept for ever where that is wished, and until its day is added up", async () => {
    daysOn(2_000);
    expect(await retention({ reservations_days: 0, usage_days: 0 }).run()).toEqual({ reservations: 0, usage: 0, key_spend: 0 });
    daysOn(2_001);
    expect(await retention({ reservations_days: 0, usage_days: 400 }).run()).toEqual({ usage: 48, reservations: 0, key_spend: 0 });
  });
});

describe("a job of one coordinator", () => {
  it("is done once a day by all of them together", async () => {
    daysOn(3_000);
    const runs = await Promise.all(["one", "two", "three"].map((id) => retention(KEPT, id).run()));
    expect(runs.filter((removed) => removed !== undefined)).toHaveLength(1);
    clock.sleep(RETENTION_LIMITS.interval_ms - 1);
    expect(await retention(KEPT, "two").run()).toBeUndefined();
    clock.sleep(1);
    expect(await retention(KEPT, "two").run()).toBeDefined();
  });

  it("is another's when whoever has begun it is silent for too long", async () => {
    const { db } = database.store;
    const lease = (owner: string) => ({ name: "job", owner, until: new Date(clock.date().getTime() + 1_000) });
    expect(await leaseRepository.take(db, lease("one"), clock.date())).toBe(true);
    expect(await leaseRepository.take(db, lease("one"), clock.date())).toBe(true);
    expect(await leaseRepository.take(db, lease("two"), clock.date())).toBe(false);
    clock.sleep(1_000);
    expect(await leaseRepository.take(db, lease("two"), clock.date())).toBe(true);
    expect(await leaseRepository.take(db, lease("one"), clock.date())).toBe(false);
  });
});
