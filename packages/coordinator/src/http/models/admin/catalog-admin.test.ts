import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { catalogList, type DesiredModels, MANAGED_MODELS_FEATURE, signedManifest } from "@umbel/protocol";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildOf } from "../../../catalog/testing.js";
import { testModel, testSlot } from "../../../fleet/testing/index.js";
import { startTestCoordinator, type TestCoordinator } from "../../../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";
const CONTENT = { old: "weights of old", new: "weights of new" } as const;
const BUILDS = { old: buildOf("org/old", { content: CONTENT.old }), new: buildOf("org/new", { content: CONTENT.new }) } as const;

describe("the operator of a catalogue", () => {
  let test: TestCoordinator;
  let apiKey: string;
  beforeAll(async () => {
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, adminAccounts: "root" });
    apiKey = await test.key();
    for (const name of ["old", "new"] as const) putFile(name);
  });
  afterAll(() => test.close());

  function putFile(name: keyof typeof BUILDS): void {
    const directory = path.join(test.home, "blobs", ...BUILDS[name].manifest.prefix.split("/"));
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, "model.gguf"), CONTENT[name]);
  }

  async function ask(method: string, pathname: string, body?: unknown, token = ADMIN_KEY) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`${test.url}/v1/admin/${pathname}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
  const post = (pathname: string, body: unknown = {}) => ask("POST", pathname, body);
  const registration = (name: keyof typeof BUILDS, change: object = {}) => ({
    manifest: BUILDS[name].manifest,
    display_name: name,
    architecture: "llama",
    quantization: "Q8_0",
    max_context_length: 2_048,
    max_output_length: 1_024,
    input_price: 10_000,
    output_price: 20_000,
    ...change,
  });
  const listed = async () => {
    const { body } = await test.get("/v1/models?include_builds=1", apiKey);
    return (body as { data: { id: string }[] }).data.map(({ id }) => id).filter((id) => id === "plant" || id.startsWith("org/"));
  };
  const machine = (name: keyof typeof BUILDS) => {
    const { id, weightHash } = BUILDS[name];
    return test.provider({
      features: [MANAGED_MODELS_FEATURE],
      models: [testModel({ id, weight_hash: weightHash })],
      slots: [testSlot({ model: id })],
      serve: (request) => request.answer(`an answer of ${name}`),
    });
  };
  /** Which builds answer so many requests. */
  async function answers(count: number): Promise<Record<string, number>> {
    const client = await test.client(apiKey);
    const counts: Record<string, number> = {};
    for (let index = 0; index < count; index += 1) {
      const { choices, model } = await client.chat.completions.create({ model: "plant", messages: [{ role: "user", content: "hi" }] });
      expect(model).toBe("plant");
      const name = choices[0]?.message.content?.split(" ").at(-1) ?? "";
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  it("leads a build from a draft over a rollout to its end, and sees what consumers and machines see", { timeout: 60_000 }, async () => {
    // Drafts are seen by nobody.
    expect(await post("models/register", registration("old"))).toMatchObject({
      status: 200,
      body: { status: "registered", active: false },
    });
    expect(await listed()).toEqual([]);
    expect((await post("models/org%2Fold/promote")).body).toMatchObject({ status: "promoted", version: "1", active: true });
    expect((await post("models/register", registration("new", { promote: true }))).body).toMatchObject({ active: true });
    expect((await post("models/aliases", { alias_id: "plant", desired_build: "org/old" })).status).toBe(200);
    expect((await listed()).sort()).toEqual(["org/new", "org/old", "plant"]);

    // A machine with the build of the name, and one with the next.
    const [first, second] = [await machine("old"), await machine("new")];
    expect(await first.receive("desired_models")).toMatchObject({ models: [{ model_name: "plant", desired_build: "org/old" }] });
    expect(await second.receive("desired_models")).toMatchObject({ models: [] });

    // A tenth of the requests, no machine yet.
    const canary = { alias_id: "plant", desired_build: "org/new", previous_build: "org/old" };
    const staged = await post("models/aliases", { ...canary, desired_share: 10, wave: 0 });
    expect(staged.body).toMatchObject({
      status: "ok",
      alias: {
        desired: { build: "org/new", machines: 1 },
        previous: { build: "org/old", machines: 1 },
        desired_share: 10,
        converged: false,
      },
    });
    expect(await first.receive("desired_models")).toMatchObject({ models: [{ model_name: "plant", desired_build: "org/old" }] });
    expect((await answers(20))["old"]).toBeGreaterThanOrEqual(13);

    // Everybody.
    await post("models/aliases", canary);
    expect(await first.receive("desired_models")).toMatchObject({
      models: [{ model_name: "plant", desired_build: "org/new", previous_build: "org/old" }],
    });
    expect(await answers(5)).toEqual({ new: 5 });

    // Back, and on again without the old one.
    expect((await post("models/aliases/plant/rollback")).body).toMatchObject({ alias: { desired: { build: "org/old" } } });
    expect(await first.receive("desired_models")).toMatchObject({ models: [{ desired_build: "org/old", previous_build: "org/new" }] });
    expect(await answers(5)).toEqual({ old: 5 });
    expect((await post("models/org/old/status", { status: "retired" })).status).toBe(200);
    expect((await post("models/aliases", { alias_id: "plant", desired_build: "org/new" })).body).toMatchObject({
      alias: { retired_builds: ["org/old"], previous: null },
    });
    expect(await answers(2)).toEqual({ new: 2 });
    expect(await listed()).toEqual(["plant", "org/new"]);
    const told = await first.messages.take(
      "withdrawal",
      (message): message is DesiredModels => message.type === "desired_models" && "withdrawn" in message,
    );
    expect(told).toMatchObject({ withdrawn: [{ model_id: "org/old", weight_hash: BUILDS.old.weightHash, reason: "retired" }] });
    const catalog = catalogList.parse((await test.get("/v1/models/catalog?include_aliases=1")).body);
    expect(catalog.withdrawn).toMatchObject([{ model_id: "org/old", reason: "retired" }]);
    expect(catalog.aliases?.find(({ id }) => id === "plant")).toMatchObject({ desired_build: "org/new", retired_builds: ["org/old"] });
    await expect((await test.client(apiKey)).models.retrieve("org/old")).rejects.toMatchObject({ code: "model_not_found" });

    // Every step is in the record.
    const { body } = await ask("GET", "audit?target=plant");
    const steps = (body["data"] as { actor: string; action: string }[]).map(({ actor, action }) => `${actor} ${action}`);
    expect(steps).toEqual(["alias.set", "alias.rollback", "alias.set", "alias.set", "alias.set"].map((action) => `admin-key ${action}`));
  });

  it("has every file read before it promotes, and says what goes with requests and what other lists are told", async () => {
    const ash = buildOf("org/ash", { content: CONTENT.new });
    const directory = path.join(test.home, "blobs", ...ash.manifest.prefix.split("/"));
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, "model.gguf"), CONTENT.new);
    const body = registration("new", { manifest: ash.manifest, verify: "full", metadata: { hugging_face_id: "org/Ash" } });
    expect(await post("models/register", { ...body, promote: true })).toMatchObject({ status: 409, body: { error: { param: "promote" } } });
    expect(await post("models/register", body)).toMatchObject({ status: 200, body: { active: false, verification: "verifying" } });
    await vi.waitFor(async () =>
      expect((await ask("GET", "models/org%2Fash/versions")).body).toMatchObject({ data: [{ verification: "ready", state: "draft" }] }),
    );
    expect((await post("models/org%2Fash/promote")).status).toBe(200);
    const asked = { runtime_parameters: { reasoning_parser: "none", other: 2, gone: null } };
    expect((await post("models/org/ash/runtime-parameters", asked)).body).toMatchObject({
      runtime_parameters: { reasoning_parser: "none", other: 2 },
    });
    expect((await post("models/org/ash/openrouter-slug", { slug: "umbel/ash" })).body).toMatchObject({
      metadata: { hugging_face_id: "org/Ash", openrouter_slug: "umbel/ash" },
    });
    const { body: listing } = await test.get("/v1/models/openrouter", apiKey);
    expect((listing as { data: { id: string }[] }).data.find(({ id }) => id === "org/ash")).toMatchObject({
      ...{ hugging_face_id: "org/Ash", openrouter: { slug: "umbel/ash" }, is_ready: true },
    });
    expect((await post("models/org/ash/openrouter-slug")).body).toMatchObject({ metadata: { hugging_face_id: "org/Ash" } });
    await post("models/org%2Fash/status", { status: "retired" });
  });

  it("is refused what contradicts itself or the files", async () => {
    const elm = buildOf("org/elm", { content: "elsewhere" });
    const bad = async (change: object) => {
      const { status, body } = await post("models/register", registration("new", change));
      return { status, ...(body["error"] as object) };
    };
    expect(await bad({ manifest: elm.manifest })).toMatchObject({
      status: 400,
      param: "manifest.files",
      message: expect.stringContaining("no place"),
    });
    expect(await bad({ manifest: { ...BUILDS.new.manifest, file_count: 2 } })).toMatchObject({ status: 400, param: "manifest" });
    expect(await bad({ origins: ["http://elsewhere.example"] })).toMatchObject({ status: 400, param: "origins.0" });
    expect(await bad({ input_price: 0 })).toMatchObject({ status: 400, param: "input_price" });
    expect(await bad({ promoted: true })).toMatchObject({ status: 400, param: "promoted" });
    const other = buildOf("org/new", { content: CONTENT.new, version: "1" });
    expect(await bad({ manifest: { ...other.manifest, created_at: "2026-02-01T00:00:00Z" } })).toMatchObject({ status: 200 });
  });

  it.each([
    ["POST", "models/aliases", { alias_id: "x", desired_build: "absent" }, 400, "desired_build"],
    ["POST", "models/aliases", { alias_id: "org/new", desired_build: "org/new" }, 400, "id"],
    ["POST", "models/aliases", { alias_id: "test-build", desired_build: "org/new" }, 409, "id"],
    ["POST", "models/aliases", { alias_id: "x", desired_build: "org/new", desired_share: 101 }, 400, "desired_share"],
    ["POST", "models/absent/promote", {}, 404, "id"],
    ["POST", "models/org%2Fnew/promote", { version: "9" }, 404, "version"],
    ["POST", "models/org%2Fnew/rollback", {}, 409, "id"],
    ["POST", "models/org%2Fnew/status", { status: "gone" }, 400, "status"],
    ["POST", "models/org%2Fnew/deprecation", { deprecation_date: "2026-02-30" }, 400, "deprecation_date"],
    ["POST", "models/org%2Fnew/runtime-parameters", { runtime_parameters: { reasoning_parser: "x" } }, 400, "runtime_parameters"],
    ["POST", "models/test-build/status", { status: "retired" }, 409, "test-model"],
    ["POST", "models/org/new/explode", {}, 404, null],
    ["DELETE", "models/org%2Fnew/versions/1", undefined, 409, "version"],
    ["DELETE", "models/aliases/absent", undefined, 404, "id"],
    ["GET", "models/absent/versions", undefined, 404, "id"],
    ["GET", "audit?limit=1001", undefined, 400, "limit"],
  ])("is refused %s %s %j with %i", async (method, pathname, body, status, param) => {
    expect(await ask(method, pathname, body)).toMatchObject({ status, body: { error: { param } } });
  });

  it("is somebody: consumers and strangers change nothing", async () => {
    expect((await ask("POST", "models/register", registration("new"), apiKey)).status).toBe(403);
    expect((await ask("POST", "models/org%2Fnew/status", { status: "retired" }, "nobody-in-particular")).status).toBe(403);
    const asRoot = await ask("POST", "models/org%2Fnew/price", { input_price: 1, output_price: 2 }, await test.session("root"));
    expect(asRoot.status).toBe(200);
    expect((await ask("GET", "audit?limit=1")).body).toMatchObject({
      data: [{ actor: "root", action: "model.price" }],
      next: expect.any(Number),
    });
  });

  it("takes a version away that is not to be trusted: its manifest and files are gone, and it does not come back", async () => {
    const manifest = signedManifest.parse((await test.get("/v1/models/catalog/manifest/org/new")).body);
    const file = `${test.url}/v1/blobs/${manifest.prefix}/model.gguf`;
    expect((await fetch(file)).status).toBe(200);
    expect((await post("models/org%2Fnew/revoke", { version: "1", reason: "bad tensor" })).status).toBe(200);
    expect([(await test.get("/v1/models/catalog/manifest/org/new")).status, (await fetch(file)).status]).toEqual([404, 404]);
    expect((await ask("GET", "models/org%2Fnew/versions")).body).toMatchObject({
      data: [{ state: "revoked", revoked_reason: "bad tensor" }],
    });
    expect(await post("models/org%2Fnew/promote", { version: "1" })).toMatchObject({ status: 409, body: { error: { code: "conflict" } } });
  });
});
