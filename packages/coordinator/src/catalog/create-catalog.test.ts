import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openStore, priceRepository } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { REFRESH_INTERVAL_MS, REFRESH_RETRY_MS } from "./create-catalog.js";
import { CatalogError, type CatalogService, createCatalog } from "./index.js";
import { buildOf, recordOf } from "./testing.js";

const start = new Date("2026-03-01T12:00:00Z");
const clock = createFakeClock(start);
const failures: unknown[] = [];
let database: TestDatabase;
let catalog: CatalogService;
const others: { close(): Promise<void> }[] = [];

const open = (store = database.store) => createCatalog({ store, clock, onRefreshFailed: (error) => failures.push(error) });
const refusal = (code: string, field: string) => expect.objectContaining({ name: "CatalogError", code, field });

/** Reopens the catalogue without ears, so that nothing but the test and the clock makes it read. */
async function reopenDeaf(): Promise<void> {
  await catalog.close();
  catalog = await open({ ...database.store, onChange: async () => async () => undefined });
}

/** A second coordinator on the same database. */
async function openElsewhere(): Promise<CatalogService> {
  const store = await openStore({ databaseUrl: database.databaseUrl });
  const elsewhere = await open(store);
  others.push(elsewhere, store);
  return elsewhere;
}

beforeEach(async () => {
  database = await createTestDatabase();
  catalog = await open();
});
afterEach(async () => {
  for (const other of others.splice(0)) await other.close();
  await catalog.close();
  await database.close();
  expect(failures.splice(0)).toEqual([]);
});

describe("registering a build", () => {
  it("makes it known at once, here and after a restart", async () => {
    const build = buildOf("org/model-q8");
    await catalog.register(build);
    const record = recordOf(build, clock.date());
    expect(catalog.builds()).toEqual([record]);
    expect(catalog.resolve("org/model-q8")).toEqual({ publicName: "org/model-q8", build: record, previous: undefined });
    expect(catalog.resolve("org/model")).toBeUndefined();
    expect((await openElsewhere()).builds()).toEqual([record]);
  });

  it("sets its list price", async () => {
    await catalog.register(buildOf("m"));
    expect(await priceRepository.ofModel(database.store.db, "m")).toEqual({ input_microUsd: 10_000n, output_microUsd: 20_000n });
  });

  it("again with the same content writes nothing", async () => {
    await catalog.register(buildOf("m"));
    const rows = () => database.store.client`select xmin::text, updated_at from model_registry union all
      select xmin::text, updated_at from model_prices union all select xmin::text, activated_at from model_active_versions`;
    const before = await rows();
    await clock.advance(1_000);
    await catalog.register(buildOf("m"));
    expect([...(await rows())]).toEqual([...before]);
    expect(catalog.builds()).toHaveLength(1);
  });

  it("again with other facts or prices replaces them and keeps its date", async () => {
    await catalog.register(buildOf("m"));
    const [first] = catalog.builds();
    const changed = buildOf("m", { displayName: "Better", prices: { input_microUsd: 1n, output_microUsd: 2n }, defaults: {} });
    await catalog.register(changed);
    expect(catalog.builds()).toEqual([recordOf(changed, first?.createdAt)]);
  });

  it("serves a new version of its files, and an old one again", async () => {
    const [first, second] = [buildOf("m"), buildOf("m", { version: "2", content: "other bytes" })];
    for (const build of [first, second, first]) {
      await catalog.register(build);
      expect(catalog.resolve("m")?.build).toMatchObject({ weightHash: build.weightHash, manifest: build.manifest });
    }
  });

  it("never changes the files of a version", async () => {
    const first = buildOf("m");
    await catalog.register(first);
    const forged = buildOf("m", { content: "other bytes", displayName: "Forged" });
    await expect(catalog.register(forged)).rejects.toEqual(refusal("version_conflict", "manifest.version"));
    await catalog.refresh();
    expect(catalog.builds()).toMatchObject([first]);
  });

  it("refuses a contradiction before it reaches the database", async () => {
    await expect(catalog.register(buildOf("m", { weightHash: "0".repeat(64) }))).rejects.toEqual(
      refusal("wrong_weight_hash", "weightHash"),
    );
    await expect(catalog.register(buildOf("m", { size_bytes: 0 }))).rejects.toBeInstanceOf(CatalogError);
    expect(catalog.builds()).toEqual([]);
  });

  it("by several coordinators at once leaves one of each", async () => {
    const elsewhere = await openElsewhere();
    const builds = ["a", "b", "c"].map((id) => buildOf(id));
    await Promise.all(builds.flatMap((build) => [catalog.register(build), elsewhere.register(build)]));
    await catalog.refresh();
    expect(catalog.builds()).toMatchObject(builds);
  });
});

describe("an alias", () => {
  beforeEach(async () => {
    for (const id of ["old", "new"]) await catalog.register(buildOf(id));
  });

  it("stands for its desired build under its own name", async () => {
    await catalog.setAlias({ id: "model", displayName: "Model", desired: "old" });
    expect(catalog.resolve("model")).toMatchObject({ publicName: "model", build: { id: "old" }, previous: undefined });
    expect(catalog.aliases()).toMatchObject([{ id: "model", displayName: "Model", desired: { id: "old" }, previous: undefined }]);
  });

  it("moves to another build and keeps the old one to fall back to", async () => {
    await catalog.setAlias({ id: "model", displayName: "Model", desired: "old" });
    await catalog.setAlias({ id: "model", displayName: "Model", desired: "new", previous: "old" });
    expect(catalog.resolve("model")).toMatchObject({ build: { id: "new" }, previous: { id: "old" } });
    expect(catalog.resolve("old")).toMatchObject({ publicName: "old", build: { id: "old" } });
    await catalog.setAlias({ id: "model", displayName: "Model", desired: "new" });
    expect(catalog.resolve("model")?.previous).toBeUndefined();
  });

  it("follows what its build becomes", async () => {
    await catalog.setAlias({ id: "model", displayName: "Model", desired: "new" });
    await catalog.register(buildOf("new", { version: "2", content: "second" }));
    expect(catalog.resolve("model")?.build.manifest.version).toBe("2");
    expect(catalog.resolve("model")?.build).toBe(catalog.resolve("new")?.build);
  });

  it("needs registered builds", async () => {
    const alias = { id: "model", displayName: "Model" };
    await expect(catalog.setAlias({ ...alias, desired: "none" })).rejects.toEqual(refusal("unknown_build", "desired"));
    await expect(catalog.setAlias({ ...alias, desired: "new", previous: "none" })).rejects.toEqual(refusal("unknown_build", "previous"));
    expect(catalog.aliases()).toEqual([]);
  });

  it("and a build never share a name, whichever came first", async () => {
    await expect(catalog.setAlias({ id: "old", displayName: "Old", desired: "new" })).rejects.toEqual(refusal("name_taken", "id"));
    await catalog.setAlias({ id: "model", displayName: "Model", desired: "new" });
    await expect(catalog.register(buildOf("model"))).rejects.toEqual(refusal("name_taken", "id"));
  });

  it("and a build never share a name, even when two coordinators set them at once", async () => {
    const elsewhere = await openElsewhere();
    const outcomes = await Promise.allSettled([
      catalog.setAlias({ id: "model", displayName: "Model", desired: "new" }),
      elsewhere.register(buildOf("model")),
    ]);
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([{ status: "rejected", reason: refusal("name_taken", "id") }]);
  });
});

describe("the catalogue in memory", () => {
  it("hears of changes made elsewhere", async () => {
    const elsewhere = await openElsewhere();
    await elsewhere.register(buildOf("m"));
    await vi.waitFor(() => expect(catalog.resolve("m")).toBeDefined(), 20_000);
    await elsewhere.setAlias({ id: "model", displayName: "Model", desired: "m" });
    await vi.waitFor(() => expect(catalog.resolve("model")).toBeDefined(), 20_000);
    await priceRepository.set(database.store.db, "m", { input_microUsd: 5n, output_microUsd: 6n }, { actor: "test", at: clock.date() });
    await vi.waitFor(() => expect(catalog.resolve("m")?.build.prices.input_microUsd).toBe(5n), 20_000);
  });

  it("is read again now and then, in case a notice was lost", async () => {
    await catalog.register(buildOf("m"));
    await reopenDeaf();
    await priceRepository.set(database.store.db, "m", { input_microUsd: 5n, output_microUsd: 6n }, { actor: "test", at: clock.date() });
    await clock.advance(REFRESH_INTERVAL_MS - 1);
    expect(catalog.builds()).toMatchObject([{ prices: { input_microUsd: 10_000n } }]);
    await clock.advance(1);
    await vi.waitFor(() => expect(catalog.builds()).toMatchObject([{ prices: { input_microUsd: 5n } }]), 20_000);
  });

  it("stays as it was while the database cannot be read, and comes back by itself", async () => {
    const { client } = database.store;
    await catalog.register(buildOf("m"));
    await reopenDeaf();
    await client`alter table model_registry rename to model_registry_away`;
    await expect(catalog.refresh()).rejects.toThrow();
    expect(catalog.builds()).toMatchObject([{ id: "m" }]);
    await clock.advance(REFRESH_RETRY_MS);
    await vi.waitFor(() => expect(failures).toHaveLength(1), 20_000);
    failures.length = 0;
    await client`alter table model_registry_away rename to model_registry`;
    await client`update model_prices set input_price = 7`;
    await clock.advance(REFRESH_RETRY_MS);
    await vi.waitFor(() => expect(catalog.builds()).toMatchObject([{ prices: { input_microUsd: 7n } }]), 20_000);
  });

  it("does not open on a database that it cannot read", async () => {
    await catalog.close();
    await database.store.client`alter table model_registry rename to model_registry_away`;
    await expect(open()).rejects.toThrow();
    failures.length = 0;
  });

  it("leaves no timer behind when it closes, and may close twice", async () => {
    await catalog.close();
    await catalog.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
