import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { type CatalogService, createCatalog, filesPrefix } from "./index.js";
import { CATALOG_LIMITS } from "./schemas.js";
import { buildOf } from "./testing.js";

const ADA = "ada";
const DRAFT = { promote: false };
const clock = createFakeClock(new Date("2026-03-01T12:00:00Z"));
const refusal = (code: string, field: string) => expect.objectContaining({ name: "CatalogError", code, field });
let database: TestDatabase;
let catalog: CatalogService;

beforeEach(async () => {
  database = await createTestDatabase();
  catalog = await createCatalog({ store: database.store, clock, onRefreshFailed: () => undefined });
});
afterEach(async () => {
  await catalog.close();
  await database.close();
});

const two = { first: buildOf("oak"), second: buildOf("oak", { version: "2", content: "second", displayName: "Oak 2" }) };
const dearer = { input_microUsd: 11_000n, output_microUsd: 22_000n };
const record = async (target: string) =>
  (await catalog.audit({ target, limit: 100 })).map(({ actor, action, before, after }) => ({ actor, action, before, after }));

describe("the life of a build", () => {
  it("begins as a draft that nobody sees or pays", async () => {
    expect(await catalog.registerVersion(two.first, DRAFT, ADA)).toEqual({
      ...{ version: "1", isActive: false, isVerifying: false, changes: {} },
    });
    expect([catalog.builds(), catalog.resolve("oak")]).toEqual([[], undefined]);
    expect(await catalog.overview()).toMatchObject([
      { id: "oak", status: "beta", activeVersion: null, versions: [{ version: "1", state: "draft", registeredBy: ADA }] },
    ]);
  });

  it("goes into service by promotion, with what describes the version", async () => {
    await catalog.registerVersion(two.first, { promote: true }, ADA);
    const changed = await catalog.registerVersion({ ...two.second, prices: dearer }, DRAFT, ADA);
    const changes = {
      displayName: { from: "Model oak", to: "Oak 2" },
      prices: { from: two.first.prices, to: dearer },
    };
    expect(changed).toEqual({ version: "2", isActive: false, isVerifying: false, changes });
    expect(catalog.build("oak")).toMatchObject({ displayName: "Model oak", prices: two.first.prices, manifest: { version: "1" } });
    expect(await catalog.promote("oak", undefined, ADA)).toMatchObject({ version: "2", isActive: true, changes });
    expect(catalog.build("oak")).toMatchObject({ displayName: "Oak 2", prices: dearer, weightHash: two.second.weightHash });
  });

  it("waits until all its files were read where that was asked for", async () => {
    const full = { promote: false, verify: true };
    expect(await catalog.registerVersion(two.first, full, ADA)).toMatchObject({ isVerifying: true });
    await expect(catalog.registerVersion(two.first, { promote: true, verify: true }, ADA)).rejects.toEqual(
      refusal("version_unverified", "promote"),
    );
    await expect(catalog.promote("oak", undefined, ADA)).rejects.toEqual(refusal("version_unverified", "version"));
    expect(await catalog.unverified()).toMatchObject([{ manifest: two.first.manifest, sources: two.first.sources }]);

    await catalog.verified("oak", "1", "model.gguf: another SHA-256");
    expect(await catalog.overview()).toMatchObject([
      { versions: [{ state: "draft", verification: "failed", verificationProblem: "model.gguf: another SHA-256" }] },
    ]);
    await expect(catalog.promote("oak", "1", ADA)).rejects.toEqual(refusal("version_unverified", "version"));

    // It was put right, and is read once more; whoever reads it late changes nothing.
    await catalog.registerVersion(two.first, full, ADA);
    await catalog.verified("oak", "1", undefined);
    await catalog.verified("oak", "1", "too late");
    expect(await catalog.promote("oak", "1", ADA)).toMatchObject({ isActive: true });
    expect(await catalog.registerVersion(two.first, full, ADA)).toMatchObject({ isActive: true, isVerifying: false });
    expect(await catalog.unverified()).toEqual([]);
  });

  it("carries parameters of its requests, and what other lists are told of it over its promotions", async () => {
    await catalog.registerVersion({ ...two.first, runtimeParameters: { reasoning_parser: "none" } }, { promote: true }, ADA);
    expect(await catalog.setMetadata("oak", { openrouter_slug: "org/oak", staged: true }, ADA)).toEqual({
      openrouter_slug: "org/oak",
      staged: true,
    });
    expect(await catalog.setMetadata("oak", { staged: null }, ADA)).toEqual({ openrouter_slug: "org/oak" });
    expect(await catalog.setRuntimeParameters("oak", { other: 1 }, ADA)).toEqual({ reasoning_parser: "none", other: 1 });
    for (const wrong of [{ reasoning_parser: "x" }, { body_shims: "all<1=model" }, { body_shims: "all=seed" }, { body_shims: 1 }]) {
      await expect(catalog.setRuntimeParameters("oak", wrong, ADA)).rejects.toEqual(refusal("invalid_field", "runtimeParameters"));
    }
    const changed = await catalog.registerVersion({ ...two.second, metadata: { hugging_face_id: "org/Oak" } }, { promote: true }, ADA);
    expect(changed.changes["metadata"]?.to).toEqual({ openrouter_slug: "org/oak", hugging_face_id: "org/Oak" });
    expect(catalog.build("oak")).toMatchObject({
      runtimeParameters: {},
      metadata: { openrouter_slug: "org/oak", hugging_face_id: "org/Oak" },
    });
  });

  it("goes back to the version before, and forth again", async () => {
    for (const build of [two.first, two.second]) await catalog.registerVersion(build, { promote: true }, ADA);
    expect(await catalog.rollback("oak", ADA)).toMatchObject({ version: "1", changes: { displayName: { to: "Model oak" } } });
    expect(catalog.build("oak")?.weightHash).toBe(two.first.weightHash);
    expect(await catalog.rollback("oak", ADA)).toMatchObject({ version: "2" });
    expect(await catalog.overview()).toMatchObject([{ activeVersion: "2", versions: [{ state: "active" }, { state: "superseded" }] }]);
  });

  it("has nothing to go back to at first", async () => {
    await catalog.registerVersion(two.first, { promote: true }, ADA);
    await expect(catalog.rollback("oak", ADA)).rejects.toEqual(refusal("nothing_before", "id"));
    await expect(catalog.rollback("absent", ADA)).rejects.toEqual(refusal("unknown_build", "id"));
    await expect(catalog.promote("absent", undefined, ADA)).rejects.toEqual(refusal("unknown_build", "id"));
    await expect(catalog.promote("oak", "9", ADA)).rejects.toEqual(refusal("unknown_version", "version"));
  });

  it("leaves machines a day for weights that are replaced under one id, and none for weights that are gone back from", async () => {
    const former = () => [...(catalog.build("oak")?.formerHashes ?? [])];
    await catalog.registerVersion(two.first, { promote: true }, ADA);
    expect(former()).toEqual([]);
    await clock.advance(86_400_000);
    await catalog.registerVersion(two.second, { promote: true }, ADA);
    expect(former()).toEqual([two.first.weightHash]);
    const set = catalog.build("oak")?.formerHashes;
    await catalog.refresh();
    expect(catalog.build("oak")?.formerHashes).toBe(set);
    await clock.advance(86_400_000);
    await catalog.refresh();
    expect(former()).toEqual([]);
    await catalog.rollback("oak", ADA);
    expect(former()).toEqual([]);
  });

  it("is deprecated since somebody first said so, until everything of it is taken back", async () => {
    await catalog.registerVersion(two.first, { promote: true }, ADA);
    const since = () => catalog.build("oak")?.deprecatedAt?.getTime() ?? null;
    expect(since()).toBeNull();
    const first = clock.date().getTime();
    await catalog.setStatus("oak", "deprecated", ADA);
    await clock.advance(1_000);
    await catalog.setDeprecationDate("oak", "2026-06-01", ADA);
    await catalog.setStatus("oak", "active", ADA);
    expect(since()).toBe(first);
    await catalog.setDeprecationDate("oak", null, ADA);
    expect(since()).toBeNull();
  });

  it("ends when it is retired: it is in no list, and its machines are told", async () => {
    await catalog.registerVersion(two.first, { promote: true }, ADA);
    await catalog.setStatus("oak", "deprecated", ADA);
    await catalog.setDeprecationDate("oak", "2026-06-01", ADA);
    expect(catalog.build("oak")).toMatchObject({ status: "deprecated", deprecationDate: "2026-06-01" });
    await catalog.setStatus("oak", "retired", ADA);
    expect(catalog.resolve("oak")).toBeUndefined();
    expect(catalog.withdrawn()).toMatchObject([{ modelId: "oak", version: "1", weightHash: two.first.weightHash, kind: "retired" }]);
    await catalog.setStatus("oak", "active", ADA);
    expect([catalog.resolve("oak")?.build.id, catalog.withdrawn()]).toEqual(["oak", []]);
  });

  it("is not retired while a name would stand for nothing without it", async () => {
    for (const id of ["oak", "elm"]) await catalog.register(buildOf(id));
    await catalog.setAlias({ id: "tree", displayName: "Tree", desired: "oak", previous: "elm" });
    await catalog.setStatus("oak", "retired", ADA);
    expect(catalog.resolve("tree")).toMatchObject({ build: { id: "elm" }, previous: undefined });
    await expect(catalog.setStatus("elm", "retired", ADA)).rejects.toEqual(refusal("build_in_use", "tree"));
  });

  it("loses a version that is revoked, at once and for good", async () => {
    for (const build of [two.first, two.second]) await catalog.registerVersion(build, { promote: true }, ADA);
    await catalog.revoke("oak", "2", "corrupt tensor", ADA);
    expect(catalog.build("oak")).toBeUndefined();
    expect(catalog.withdrawn()).toMatchObject([{ version: "2", kind: "revoked", reason: "corrupt tensor" }]);
    await expect(catalog.promote("oak", "2", ADA)).rejects.toEqual(refusal("version_revoked", "version"));
    await expect(catalog.registerVersion(two.second, DRAFT, ADA)).rejects.toEqual(refusal("version_revoked", "manifest.version"));
    expect(await catalog.rollback("oak", ADA)).toMatchObject({ version: "1" });
    expect(catalog.build("oak")?.weightHash).toBe(two.first.weightHash);
  });

  it("may lose a version that was never in service, and no other", async () => {
    await catalog.registerVersion(two.first, { promote: true }, ADA);
    await catalog.registerVersion(two.second, DRAFT, ADA);
    await catalog.removeVersion("oak", "2", ADA);
    await expect(catalog.removeVersion("oak", "1", ADA)).rejects.toEqual(refusal("version_used", "version"));
    expect(await catalog.overview()).toMatchObject([{ versions: [{ version: "1" }] }]);
  });

  it("changes price and capabilities in service", async () => {
    await catalog.register(two.first);
    await catalog.setPrices("oak", dearer, ADA);
    await catalog.setCapabilities("oak", [" tools ", "chat", "tools"], ADA);
    expect(catalog.build("oak")).toMatchObject({ prices: dearer, capabilities: ["tools", "chat"] });
    await expect(catalog.setPrices("oak", { ...dearer, input_microUsd: 0n }, ADA)).rejects.toEqual(
      refusal("invalid_field", "input_microUsd"),
    );
  });

  it("is recorded change by change, with whose it was; what was refused is not", async () => {
    await catalog.registerVersion(two.first, { promote: true }, ADA);
    await catalog.setStatus("oak", "deprecated", "admin-key");
    await catalog.promote("oak", "9", ADA).catch(() => undefined);
    expect(await record("oak")).toEqual([
      { actor: "admin-key", action: "model.status", before: { status: "active" }, after: { status: "deprecated" } },
      expect.objectContaining({ actor: ADA, action: "model.promote", before: { version: null } }),
      expect.objectContaining({
        actor: ADA,
        action: "model.register",
        after: expect.objectContaining({ version: "1", input_microUsd: 10_000 }),
      }),
    ]);
  });

  it("moves the catalogue's revision with every change, and with nothing else", async () => {
    const seen = [catalog.revision()];
    const changes = [
      () => catalog.registerVersion(two.first, { promote: true }, ADA),
      () => catalog.setPrices("oak", dearer, ADA),
      () => catalog.setAlias({ id: "tree", displayName: "Tree", desired: "oak" }),
    ];
    for (const change of changes) {
      await change();
      seen.push(catalog.revision());
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    await catalog.refresh();
    expect(catalog.revision()).toBe(seen.at(-1));
  });
});

describe("the life of a name", () => {
  beforeEach(async () => {
    for (const id of ["a", "b", "c"]) await catalog.register(buildOf(id));
  });
  const tree = { id: "tree", displayName: "Tree" };
  const stands = () => {
    const [alias] = catalog.aliases();
    return alias && { desired: alias.desired.id, previous: alias.previous?.id, retired: alias.retired, share: alias.desiredShare_percent };
  };

  it("moves by shares, and goes back whole", async () => {
    await catalog.putAlias({ ...tree, desired: "a" }, ADA);
    const canary = { desiredShare_percent: 10, wave_percent: 25, minDesiredProviders: 2 };
    await catalog.putAlias({ ...tree, desired: "b", previous: "a", ...canary }, ADA);
    expect(catalog.resolve("tree")).toMatchObject({ build: { id: "b" }, previous: { id: "a" }, rollout: canary });
    await catalog.rollbackAlias("tree", ADA);
    expect(stands()).toEqual({ desired: "a", previous: "b", retired: [], share: 100 });
  });

  it("keeps what it stood for before, the latest first, also over its own end", async () => {
    await catalog.putAlias({ ...tree, desired: "a" }, ADA);
    await catalog.putAlias({ ...tree, desired: "b", previous: "a" }, ADA);
    await catalog.putAlias({ ...tree, desired: "c" }, ADA);
    expect(stands()).toEqual({ desired: "c", previous: undefined, retired: ["b", "a"], share: 100 });
    await catalog.deleteAlias("tree", ADA);
    expect(catalog.resolve("tree")).toBeUndefined();
    await expect(catalog.deleteAlias("tree", ADA)).rejects.toEqual(refusal("unknown_alias", "id"));
    await catalog.putAlias({ ...tree, desired: "a" }, ADA);
    expect(stands()?.retired).toEqual(["c", "b"]);
    expect(CATALOG_LIMITS.retired).toBe(16);
  });

  it("without a previous build goes back to the latest that is in service", async () => {
    for (const desired of ["a", "b", "c"]) await catalog.putAlias({ ...tree, desired }, ADA);
    await catalog.setStatus("b", "retired", ADA);
    await catalog.rollbackAlias("tree", ADA);
    expect(stands()).toMatchObject({ desired: "a", previous: "c" });
    await expect(catalog.rollbackAlias("absent", ADA)).rejects.toEqual(refusal("unknown_alias", "id"));
  });

  it("may take over that of a build, which it then stands for, and goes back to it", async () => {
    await expect(catalog.putAlias({ ...tree, id: "a", desired: "b", previous: "c", takeover: true }, ADA)).rejects.toEqual(
      refusal("name_taken", "id"),
    );
    await catalog.putAlias({ ...tree, id: "a", desired: "b", previous: "a", takeover: true }, ADA);
    expect(catalog.resolve("a")).toMatchObject({ publicName: "a", build: { id: "b" }, previous: { id: "a" } });
    expect(catalog.build("a")?.id).toBe("a");
    await catalog.rollbackAlias("a", ADA);
    expect(catalog.resolve("a")).toMatchObject({ build: { id: "a" }, previous: { id: "b" } });
    await catalog.register(buildOf("a", { version: "2", content: "anew" }));
    expect(catalog.build("a")?.manifest.version).toBe("2");
  });

  it("may stand for one version of a build, whatever the build itself serves, and moves between versions as between builds", async () => {
    const next = buildOf("a", { version: "2", content: "anew", displayName: "A 2" });
    await catalog.registerVersion({ ...next, prices: dearer }, DRAFT, ADA);
    const pair = { ...tree, id: "a", takeover: true, desired: "a", desiredVersion: "2", previous: "a", previousVersion: "1" };
    await catalog.putAlias({ ...pair, desiredShare_percent: 10 }, ADA);
    const { build, previous } = catalog.resolve("a") ?? {};
    expect(build).toMatchObject({ id: "a-at-2", displayName: "A 2 (2)", weightHash: next.weightHash, prices: dearer });
    expect(previous).toMatchObject({ id: "a-at-1", manifest: { model_id: "a-at-1", version: "1" } });
    expect(catalog.build("a")?.manifest.version).toBe("1");
    // Files lie where those of the build itself do; sources are the same.
    expect(build && [build.sources, filesPrefix(build)]).toEqual([next.sources, next.manifest.prefix]);
    // Another promotion moves the build, not the name.
    await catalog.promote("a", "2", ADA);
    expect(catalog.resolve("a")).toMatchObject({ build: { id: "a-at-2" }, previous: { id: "a-at-1" } });
    await catalog.rollbackAlias("a", ADA);
    expect(stands()).toMatchObject({ desired: "a-at-1", previous: "a-at-2" });
    // What was taken over once stays so, whatever it stands for.
    await catalog.putAlias({ ...tree, id: "a", desired: "b" }, ADA);
    await catalog.putAlias({ ...pair, takeover: false }, ADA);
    expect(stands()).toMatchObject({ desired: "a-at-2", previous: "a-at-1", retired: ["b"] });
    await catalog.revoke("a", "2", "corrupt tensor", ADA);
    expect(catalog.build("a-at-2")).toBeUndefined();
    expect(catalog.withdrawn().map(({ modelId, version }) => [modelId, version])).toEqual([
      ["a-at-2", "2"],
      ["a", "2"],
    ]);
  });

  it.each<[object, string, string]>([
    [{ desired: "a", desiredVersion: "9" }, "unknown_version", "desiredVersion"],
    [{ desired: "z", desiredVersion: "1" }, "unknown_version", "desiredVersion"],
    [{ desired: "b", previous: "a", previousVersion: "9" }, "unknown_version", "previousVersion"],
    [{ desired: "b", previousVersion: "1" }, "unknown_build", "previous"],
    [{ desired: "a", desiredVersion: "1", previous: "a", previousVersion: "1" }, "previous_is_desired", "previous"],
    [{ desired: "a", desiredVersion: "draft" }, "version_unverified", "desiredVersion"],
    [{ desired: "b", desiredVersion: "1" }, "name_taken", "desiredVersion"],
    [{ id: "a", desired: "a" }, "alias_is_itself", "desired"],
    [{ id: "a", previous: "a" }, "alias_is_itself", "previous"],
  ])("does not stand for %j", async (members, code, field) => {
    await catalog.registerVersion(buildOf("a", { version: "draft", content: "draft" }), { promote: false, verify: true }, ADA);
    await catalog.register(buildOf("b-at-1", { content: "another" }));
    const alias = { ...tree, desired: "b", ...members };
    await expect(catalog.putAlias(alias, ADA)).rejects.toEqual(refusal(code, field));
    expect(stands()).toBeUndefined();
  });

  it("is not changed over somebody else's change", async () => {
    await catalog.putAlias({ ...tree, desired: "a" }, ADA);
    const expectedUpdatedAt = catalog.aliases()[0]?.updatedAt ?? new Date(0);
    await clock.advance(1_000);
    await catalog.putAlias({ ...tree, desired: "b", expectedUpdatedAt }, ADA);
    await expect(catalog.putAlias({ ...tree, desired: "c", expectedUpdatedAt }, ADA)).rejects.toEqual(refusal("changed_meanwhile", "id"));
  });

  it.each([
    ["desiredShare_percent", 101],
    ["desiredShare_percent", 0.5],
    ["wave_percent", -1],
    ["minDesiredProviders", CATALOG_LIMITS.minDesiredProviders + 1],
  ])("has no %s of %s", async (field, value) => {
    await expect(catalog.putAlias({ ...tree, desired: "a", [field]: value }, ADA)).rejects.toEqual(refusal("invalid_field", field));
  });
});
