import { randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { audit } from "../ledger/testing/index.js";
import { rewardRepository } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { allocate, type Claim } from "./allocate.js";
import { ineligibility, type SeenMachine } from "./eligibility.js";
import { EPOCH_ms, epochAt, partOf } from "./epochs.js";
import { createRewards, monthlyFloor_microUsd, type RewardSettings } from "./index.js";
import { countedMemory_gb } from "./tiers.js";

const MINUTE_ms = 60_000;
const USD = 1_000_000n;
const SETTINGS: RewardSettings = {
  monthlyPool_microUsd: 9_000n * USD,
  reduction: 0,
  uptime_min: 0.9,
  accountShare_max: 0,
  lifetime_microUsd: 0n,
  minTrust: "hardware",
};
/** On the hour. */
const START = new Date("2026-11-30T12:00:00Z");

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

function machine(memory_gb: number, overrides: Partial<SeenMachine> = {}): SeenMachine {
  return {
    ...{ machineId: `machine-${randomUUID()}`, accountId: `owner-${randomUUID()}`, online: true, trusted: true, trustLevel: "hardware" },
    ...{ computeClass: "apple-test", memory_gb, memoryPressure: 0.1, thermal: "nominal", hasModel: true, ...overrides },
  };
}

/** Rewards of a database of their own, where every machine of the class `apple-test` counts. */
async function opened(settings: Partial<RewardSettings> = {}, clock = createFakeClock(START)) {
  const own = await createTestDatabase();
  await rewardRepository.setCap(own.store.db, "apple-test", 1_024);
  const rewards = createRewards({ store: own.store, clock, settings: { ...SETTINGS, ...settings } });
  const draws = () =>
    own.store.client<{ epoch_id: string; machine_id: string; amount: bigint; floor: bigint; earned: bigint }[]>`
      select epoch_id, machine_id, amount, floor, earned from provider_floor_draws order by epoch_id, machine_id`;
  /** The machines are there for so many epochs, looked at three times a minute. */
  async function there(machines: readonly SeenMachine[], epochs: number): Promise<void> {
    for (let minute = 0; minute < epochs * 5; minute += 1) {
      for (let look = 0; look < 3; look += 1) {
        if (look < 2) await rewards.note(machines);
        clock.sleep(20_000);
      }
    }
  }
  return { rewards, clock, draws, there, store: own.store, close: () => own.close() };
}

describe("an epoch", () => {
  it("is five minutes of UTC, and all of a month make exactly the month's amount", () => {
    expect(epochAt(new Date("2026-11-30T12:07:59.999Z"))).toMatchObject({ id: "2026-11-30T12:05Z", end: new Date("2026-11-30T12:10:00Z") });
    for (const month of ["2026-02-01T00:00:00Z", "2026-11-01T00:00:00Z", "2028-02-01T00:00:00Z"]) {
      let sum = 0n;
      const first = epochAt(new Date(month));
      for (let epoch = first; epoch.start.getUTCMonth() === first.start.getUTCMonth(); epoch = epochAt(epoch.end))
        sum += partOf(18n * USD, epoch);
      expect(sum).toBe(18n * USD);
    }
  });
});

describe("a machine's tier", () => {
  it.each([
    [512, 40n],
    [1_000, 40n],
    [64, 18n],
    [63.9, 16n],
    [24, 10n],
    [23, 0n],
  ])("of %d GB is %d USD a month", (memory_gb, usd) => {
    expect(monthlyFloor_microUsd(memory_gb)).toBe(usd * USD);
  });

  it("goes by what such machines come with, is nothing for processors, and waits for classes that nobody has looked at", () => {
    const caps = new Map([["apple-m4-max", 128]]);
    expect(countedMemory_gb(512, "apple-m4-max", caps)).toBe(128);
    expect(countedMemory_gb(64, "apple-m4-max", caps)).toBe(64);
    expect(countedMemory_gb(512, "cpu-avx512", caps)).toBe(0);
    expect(countedMemory_gb(512, "rtx-9090", caps)).toBeUndefined();
  });
});

describe("a machine is paid for being there", () => {
  it("when everything holds, and else it is told each reason", () => {
    expect(ineligibility(machine(64), "hardware")).toEqual([]);
    const poor = {
      online: false,
      trusted: false,
      trustLevel: "none",
      accountId: undefined,
      hasModel: false,
      memoryPressure: 0.8,
      thermal: "critical",
    } as const;
    expect(ineligibility(machine(64, poor), "self_signed")).toEqual([
      ...["offline", "untrusted", "trust_level", "not_linked", "no_model_loaded", "memory_pressure", "thermal"],
    ]);
  });
});

const claims = fc
  .uniqueArray(
    fc.record({
      machineId: fc.string({ minLength: 1, maxLength: 8 }),
      accountId: fc.constantFrom("a", "b", "c"),
      memory_gb: fc.constantFrom(24, 48, 64, 96, 128, 512),
      floor_microUsd: fc.bigInt(0n, 5_000n),
      earned_microUsd: fc.bigInt(0n, 6_000n),
    }),
    { selector: ({ machineId }) => machineId, maxLength: 30 },
  )
  .map((some): Claim[] => some.map((claim) => ({ ...claim, desired_microUsd: claim.floor_microUsd })));

describe("P16 rewards", () => {
  it("share a budget out that is never exceeded, nobody gets more than desired or an account more than its part, in whatever order claims come", () => {
    const purse = fc.record({
      budget_microUsd: fc.bigInt(0n, 40_000n),
      perAccount_microUsd: fc.option(fc.bigInt(0n, 9_000n), { nil: undefined }),
    });
    fc.assert(
      fc.property(claims, purse, fc.infiniteStream(fc.nat()), (some, limits, chance) => {
        const grants = allocate(some, limits);
        const shuffled = some.map((claim) => ({ claim, at: chance.next().value })).sort((a, b) => a.at - b.at);
        const again = allocate(
          shuffled.map(({ claim }) => claim),
          limits,
        );
        expect(new Map([...again].sort())).toEqual(new Map([...grants].sort()));
        const ofAccount = new Map<string, bigint>();
        for (const { machineId, accountId, desired_microUsd } of some) {
          const grant = grants.get(machineId) ?? 0n;
          expect(grant >= 0n && grant <= desired_microUsd).toBe(true);
          ofAccount.set(accountId, (ofAccount.get(accountId) ?? 0n) + grant);
        }
        const sums = [...ofAccount.values()];
        expect(sums.reduce((sum, amount) => sum + amount, 0n) <= limits.budget_microUsd).toBe(true);
        for (const amount of sums) expect(limits.perAccount_microUsd === undefined || amount <= limits.perAccount_microUsd).toBe(true);
      }),
    );
  });

  it("pay once a machine and epoch, whoever settles at once and however often, though the fleet has changed meanwhile", async () => {
    const { rewards, clock, draws, there, store, close } = await opened();
    const machines = [machine(64), machine(24), machine(512)];
    await there(machines, 2);
    clock.sleep(90_000);
    const other = createRewards({ store, clock, settings: SETTINGS });
    await Promise.all([rewards.settle(), other.settle(), rewards.settle()]);
    const first = await draws();
    expect(first).toHaveLength(6);
    await rewards.note([machine(512)]);
    expect(await rewards.settle()).toBe(0);
    expect(await draws()).toEqual(first);
    const epochs = await store.client<{ budget: bigint; drawn: bigint }[]>`select budget, drawn from reward_epochs`;
    for (const { budget, drawn } of epochs) expect(drawn <= budget).toBe(true);
    const owners = machines.map(({ accountId }) => accountId ?? "");
    expect(await audit(store, owners, [])).toEqual([]);
    const [withdrawable] = await store.client<{ all: boolean }[]>`
      select bool_and(withdrawable = balance and balance > 0) as all from balances where account_id like 'owner-%'`;
    expect(withdrawable?.all).toBe(true);
    await close();
  });
});

describe("sequence 13: rewards", () => {
  it("with a budget for one 64 GB floor fund the 64 GB machine first, and run again change nothing", async () => {
    const floor = partOf(monthlyFloor_microUsd(64), epochAt(START));
    const { ofMonth } = epochAt(START);
    const { rewards, clock, draws, there, close } = await opened({ monthlyPool_microUsd: 2n * floor * BigInt(ofMonth) });
    const [huge, middle, small] = [machine(512), machine(64), machine(24)];
    await there([huge, middle, small], 1);
    clock.sleep(90_000);
    expect(await rewards.settle()).toBe(1);
    const paid = await draws();
    const of = ({ machineId }: SeenMachine) => paid.find((draw) => draw.machine_id === machineId)?.amount;
    expect(of(middle)).toBe(floor);
    expect([huge, middle, small].reduce((sum, one) => sum + (of(one) ?? 0n), 0n)).toBe(2n * floor);
    expect(await rewards.settle()).toBe(0);
    expect(await draws()).toEqual(paid);
    await close();
  });

  it("that nobody settled for 20 minutes are caught up from what was seen, four epochs in order", async () => {
    const { rewards, clock, draws, there, close } = await opened();
    const one = machine(64);
    await there([one], 4);
    clock.sleep(90_000);
    expect(await rewards.settle()).toBe(4);
    expect((await draws()).map(({ epoch_id }) => epoch_id)).toEqual(
      ["12:00", "12:05", "12:10", "12:15"].map((time) => `2026-11-30T${time}Z`),
    );
    expect(await rewards.ofAccount(one.accountId ?? "")).toMatchObject([
      { machineId: one.machineId, draw: { epochId: "2026-11-30T12:15Z" } },
    ]);
    await close();
  });
});

describe("rewards", () => {
  it("are not for who was there for a part of the epoch, and are less for who earned, as far as the operator says", async () => {
    const { rewards, clock, draws, there, store, close } = await opened({ reduction: 0.5 });
    const [steady, late, busy] = [machine(64), machine(64), machine(64)];
    const { client } = store;
    const earn = (job: string, machineId: string, account: string, consumer: string) => client`
      with used as (insert into usage (request_id, account_id, machine_id, model, public_model, prompt_tokens, completion_tokens, reasoning_tokens,
        cached_prompt_tokens, cost, is_public, admitted_at) values (${job}, ${consumer}, ${machineId}, 'b', 'p', 1, 1, 0, 0, 1000, true, now()))
      insert into provider_earnings (job_id, account_id, machine_id, model, amount, prompt_tokens, completion_tokens, created_at)
        values (${job}, ${account}, ${machineId}, 'b', 1000, 1, 1, ${START.toISOString()})`;
    await earn("for-others", busy.machineId, busy.accountId ?? "", "somebody");
    await earn("for-itself", steady.machineId, steady.accountId ?? "", steady.accountId ?? "");
    await rewards.note([steady, busy]);
    clock.sleep(MINUTE_ms);
    await there([steady, late, busy], 1);
    clock.sleep(90_000);
    await rewards.settle();
    const first = (await draws()).filter(({ epoch_id }) => epoch_id === "2026-11-30T12:00Z");
    expect(first.map(({ machine_id }) => machine_id).sort()).toEqual([busy.machineId, steady.machineId].sort());
    const of = ({ machineId }: SeenMachine) => first.find((draw) => draw.machine_id === machineId);
    expect(of(steady)).toMatchObject({ earned: 0n, amount: of(steady)?.floor });
    expect(of(busy)).toMatchObject({ earned: 1_000n, amount: (of(busy)?.floor ?? 0n) - 500n });
    await close();
  });

  it("end at the most that is ever paid, and an account gets its part at most", async () => {
    const { rewards, clock, draws, there, close } = await opened({ lifetime_microUsd: 3_000n, accountShare_max: 0.001 });
    const owner = "one-owner";
    await there([machine(64, { accountId: owner }), machine(64, { accountId: owner })], 2);
    clock.sleep(90_000);
    await rewards.settle();
    const amounts = (await draws()).map(({ amount }) => amount);
    expect(amounts.reduce((sum, amount) => sum + amount, 0n)).toBeLessThanOrEqual(3_000n);
    expect(amounts.slice(0, 2).reduce((sum, amount) => sum + amount, 0n)).toBe(3n);
    await close();
  });

  it("wait for a class that nobody has looked at, and forget minutes after five weeks", async () => {
    const { rewards, clock, draws, there, store, close } = await opened();
    await there([machine(64, { computeClass: "rtx-9090" })], 1);
    clock.sleep(90_000);
    expect(await rewards.settle()).toBe(1);
    expect(await draws()).toEqual([]);
    clock.sleep(36 * 288 * EPOCH_ms);
    await rewards.sweep();
    expect(await store.client`select 1 from machine_minutes`).toHaveLength(0);
    await close();
  });
});
