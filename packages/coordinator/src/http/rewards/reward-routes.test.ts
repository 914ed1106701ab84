import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore, rewardRepository, type Store } from "../../store/index.js";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";

describe("availability rewards", () => {
  let test: TestCoordinator;
  let store: Store;
  beforeAll(async () => {
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, baseRewards: "true" });
    store = await openStore({ databaseUrl: test.databaseUrl });
    await test.key({ accountId: "bob" });
  });
  afterAll(async () => {
    await store.close();
    await test.close();
  });

  it("are told to owners, with the reason where there are none, and to operators, who say what memory counts", async () => {
    const set = await fetch(`${test.url}/v1/admin/hardware-caps`, {
      method: "PUT",
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      body: JSON.stringify({ compute_class: "apple-m4-max", max_gb: 128 }),
    });
    expect(await set.json()).toEqual({ status: "cap_updated", compute_class: "apple-m4-max", max_gb: 128 });
    expect((await test.get("/v1/admin/hardware-caps", ADMIN_KEY)).body).toEqual({
      object: "list",
      data: [{ compute_class: "apple-m4-max", max_gb: 128 }],
    });
    const machine = { machineId: "m", minute: new Date(), accountId: "bob", eligible: false, reasons: ["no_model_loaded"], memory_gb: 512 };
    await rewardRepository.saveMinutes(store.db, [{ ...machine, computeClass: "apple-m4-max" }]);
    expect((await test.get("/v1/me/rewards", await test.session("bob"))).body).toMatchObject({
      enabled: true,
      machines: [{ tier_monthly_usd: "26.000000", eligible: false, reasons: ["no_model_loaded"], month_usd: "0.000000", latest: null }],
    });
    expect((await test.get("/v1/admin/base-rewards", ADMIN_KEY)).body).toMatchObject({
      enabled: true,
      epoch_id: null,
      period_seconds: 300,
      monthly_pool_budget: 9_000_000_000,
      draws: [],
    });
  });

  it("are off unless they are switched on", async () => {
    const plain = await startTestCoordinator({ adminKey: ADMIN_KEY });
    await plain.key({ accountId: "bob" });
    expect((await plain.get("/v1/admin/base-rewards", ADMIN_KEY)).body).toEqual({ enabled: false });
    expect((await plain.get("/v1/me/rewards", await plain.session("bob"))).body).toEqual({ enabled: false, machines: [] });
    await plain.close();
  });
});
