import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import path from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { catalogKeys, catalogList, fileUrls, signedManifest, verifySignedManifest } from "@umbel/protocol";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EMBEDDING_MODEL, MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";
import { ANTHROPIC_PAGE_LIMITS, anthropicPageOf } from "./anthropic-page.js";
import { CAPACITY_VALID_ms } from "./capacity-route.js";
import { aggregatedList, capacityList, type ModelObject, modelList } from "./model-schema.js";

const SPROUTS = ["sprout", "sprout-embed"].map((name) => path.resolve(import.meta.dirname, "../../../../../models", name));

describe("the lists of models", () => {
  let test: TestCoordinator;
  let apiKey: string;

  beforeAll(async () => {
    test = await startTestCoordinator({}, { bundledModels: SPROUTS });
    apiKey = await test.key();
    await test.provider();
  });
  afterAll(() => test.close());

  const anthropic = () => new Anthropic({ baseURL: test.url, apiKey, authToken: null, maxRetries: 0 });

  it("have their documented form", async () => {
    expect(modelList.strict().safeParse((await test.get("/v1/models", apiKey)).body).error).toBeUndefined();
    expect(aggregatedList.strict().safeParse((await test.get("/v1/models/openrouter", apiKey)).body).error).toBeUndefined();
    expect(capacityList.strict().safeParse((await test.get("/v1/models/capacity")).body).error).toBeUndefined();
    expect(catalogList.strict().safeParse((await test.get("/v1/models/catalog?include_aliases=1")).body).error).toBeUndefined();
  });

  it.each(["", "/openrouter", "/capacity", "/catalog", `/${MODEL}`, "/catalog/sprout-3m-q8_0"])(
    "are not sent again to whoever has them: /v1/models%s",
    async (path) => {
      const ask = (tag: string) =>
        fetch(`${test.url}/v1/models${path}`, { headers: { authorization: `Bearer ${apiKey}`, "if-none-match": tag } });
      const etag = (await test.get(`/v1/models${path}`, apiKey)).headers.get("etag") ?? "";
      expect(etag).toMatch(/^W\/".+"$/);
      for (const known of [etag, `"other", ${etag.replace("W/", "")}`, "*"]) {
        const again = await ask(known);
        expect([again.status, again.headers.get("etag"), await again.text()]).toEqual([304, etag, ""]);
      }
      expect((await ask('"other"')).status).toBe(200);
    },
  );

  it("are read by the official OpenAI client", async () => {
    const openai = new OpenAI({ baseURL: `${test.url}/v1`, apiKey, maxRetries: 0 });
    const ids: string[] = [];
    for await (const { id } of openai.models.list()) ids.push(id);
    expect(ids.sort()).toEqual(["sprout", "sprout-embed", EMBEDDING_MODEL, MODEL]);
    expect(await openai.models.retrieve(MODEL)).toMatchObject({ id: MODEL, object: "model", created: expect.any(Number) });
    await expect(openai.models.retrieve("org/absent")).rejects.toMatchObject({ status: 404, code: "model_not_found", param: "model" });
  });

  it("are read by the official Anthropic client, page by page, with its kind of key", async () => {
    const ids: string[] = [];
    for await (const { id, type, created_at } of anthropic().models.list({ limit: 1 })) {
      ids.push(id);
      expect(type).toBe("model");
      expect(Date.parse(created_at)).toBeGreaterThan(0);
    }
    expect(ids.sort()).toEqual(["sprout", "sprout-embed", EMBEDDING_MODEL, MODEL]);
    expect(await anthropic().models.retrieve("sprout")).toMatchObject({ type: "model", id: "sprout" });
    await expect(anthropic().models.retrieve("absent")).rejects.toThrow(Anthropic.NotFoundError);
    await expect(anthropic().models.list({ limit: ANTHROPIC_PAGE_LIMITS.max + 1 })).rejects.toThrow(Anthropic.BadRequestError);
  });

  it("say what can be asked now, to everyone, and no machine's name", async () => {
    const { body, status } = await test.get("/v1/models/capacity");
    const { models } = body as { models: { id: string }[] };
    expect(status).toBe(200);
    expect(models.find(({ id }) => id === "test-build")).toMatchObject({
      ready: true,
      can_accept: true,
      routable_providers: 1,
      warm_providers: 1,
      cold_providers: 0,
      queued_requests: 0,
      token_budget_total: 100_000,
    });
    expect(models.find(({ id }) => id === "sprout-3m-q8_0")).toMatchObject({ ready: false, can_accept: false, routable_providers: 0 });
    expect(CAPACITY_VALID_ms).toBe(2_000);
  });

  it("give aggregators what makes answers, whether anybody serves it now or not", async () => {
    const { body } = await test.get("/v1/models/openrouter", apiKey);
    const { data } = body as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(["sprout", MODEL]);
    expect(data[0]).toMatchObject({ openrouter: { slug: "sprout" }, is_ready: true, pricing: { prompt: "0.00000001" }, datacenters: [] });
    expect((await test.get("/v1/models/openrouter")).status).toBe(401);
  });

  it("show the catalogue to everyone, with the files of every build", async () => {
    const { body } = await test.get("/v1/models/catalog?include_aliases=true");
    expect(body).toMatchObject({
      aliases: expect.arrayContaining([expect.objectContaining({ id: "sprout", desired_build: "sprout-3m-q8_0" })]),
    });
    const texts = (await test.get("/v1/models/catalog?type=text")).body as { models: { id: string }[]; aliases?: unknown };
    expect(texts.models.map(({ id }) => id)).not.toContain("sprout-embed-3m-q8_0");
    expect(texts.aliases).toBeUndefined();
    const ids = (list: unknown) => catalogList.parse(list).models.map(({ id }) => id);
    const first = catalogList.parse((await test.get("/v1/models/catalog?limit=1&include_aliases=1")).body);
    const rest = catalogList.parse((await test.get(`/v1/models/catalog?include_aliases=1&after=${first.next}`)).body);
    expect([...ids(first), ...ids(rest)]).toEqual(ids(body));
    expect(rest.next).toBeNull();
    expect([...(first.aliases ?? []), ...(rest.aliases ?? [])]).toHaveLength(catalogList.parse(body).aliases?.length ?? 0);
    expect((await test.get("/v1/models/catalog?limit=1001")).body).toMatchObject({ error: { param: "limit" } });
    expect((await test.get("/v1/models/catalog?type=image")).body).toMatchObject({ error: { param: "type" } });
    expect((await test.get("/v1/models/catalog/sprout-3m-q8_0")).body).toMatchObject({ id: "sprout-3m-q8_0", file_count: 1 });
    const { body: files, headers } = await test.get("/v1/models/catalog/manifest/sprout-3m-q8_0");
    expect(files).toMatchObject({ model_id: "sprout-3m-q8_0", files: [expect.objectContaining({ role: "weight" })] });
    const etag = headers.get("etag") ?? "";
    const again = await fetch(`${test.url}/v1/models/catalog/manifest/sprout-3m-q8_0`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
    for (const path of ["absent", "manifest/absent"]) {
      expect(await test.get(`/v1/models/catalog/${path}`)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
    }
  });
});

describe("a page in Anthropic's form", () => {
  const models = ["a", "b", "c", "d", "e"].map((id) => ({ id, name: id, created: 1 }) as ModelObject);
  const page = (query: string) => {
    const { data, ...rest } = anthropicPageOf(models, new URLSearchParams(query));
    return { ids: data.map(({ id }) => id).join(""), ...rest };
  };

  it.each([
    ["", { ids: "abcde", has_more: false, first_id: "a", last_id: "e" }],
    ["limit=2", { ids: "ab", has_more: true, first_id: "a", last_id: "b" }],
    ["limit=2&after_id=b", { ids: "cd", has_more: true, first_id: "c", last_id: "d" }],
    ["limit=2&after_id=d", { ids: "e", has_more: false, first_id: "e", last_id: "e" }],
    ["limit=2&before_id=d", { ids: "bc", has_more: true, first_id: "b", last_id: "c" }],
    ["limit=2&before_id=b", { ids: "a", has_more: false, first_id: "a", last_id: "a" }],
    ["after_id=gone", { ids: "abcde", has_more: false, first_id: "a", last_id: "e" }],
    ["after_id=e", { ids: "", has_more: false, first_id: null, last_id: null }],
  ])("of %j", (query, expected) => {
    expect(page(query)).toEqual(expected);
  });

  it.each(["0", "1001", "x", "1.5"])("refuses the limit %s", (limit) => {
    expect(() => page(`limit=${limit}`)).toThrow(expect.objectContaining({ status: 400, param: "limit" }));
  });
});

describe("what a machine fetches a model by", () => {
  let test: TestCoordinator;
  beforeAll(async () => {
    test = await startTestCoordinator({ modelOrigins: "https://models.example.org" }, { bundledModels: SPROUTS.slice(0, 1) });
  });
  afterAll(() => test.close());

  const manifestOf = async (id: string) => signedManifest.parse((await test.get(`/v1/models/catalog/manifest/${id}`)).body);
  const file = async (headers: Record<string, string> = {}, method = "GET") => {
    const manifest = await manifestOf("sprout-3m-q8_0");
    const url = fileUrls(manifest, "sprout-3m-q8_0.gguf", test.url).find((candidate) => candidate.startsWith(test.url)) ?? "";
    return fetch(url, { headers, method });
  };

  it("is signed by a key that the coordinator publishes, and keeps", async () => {
    const { keys } = catalogKeys.parse((await test.get("/v1/catalog/keys")).body);
    const signed = await manifestOf("sprout-3m-q8_0");
    const verified = await verifySignedManifest(
      keys.map(({ jwk }) => jwk),
      signed,
    );
    expect(verified).toMatchObject({ model_id: "sprout-3m-q8_0", file_count: 1 });
    expect(statSync(path.join(test.home, "catalog-key.pem")).mode & 0o777).toBe(0o600);
    expect((await manifestOf("sprout-3m-q8_0")).signature).toBe(signed.signature);
  });

  it("names other places first, and the coordinator itself only for files that lie there", async () => {
    expect((await manifestOf("sprout-3m-q8_0")).origins).toEqual(["https://models.example.org", "/v1/blobs"]);
    expect((await manifestOf("test-build")).origins).toEqual(["https://models.example.org"]);
  });

  it("has the very bytes of the manifest, whole or from anywhere on", async () => {
    const { sha256 = "", size_bytes = 0 } = (await manifestOf("sprout-3m-q8_0")).files[0] ?? {};
    const whole = await file();
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect([whole.status, whole.headers.get("content-length")]).toEqual([200, String(size_bytes)]);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
    const etag = whole.headers.get("etag") ?? "";

    const rest = await file({ range: `bytes=${size_bytes - 10}-`, "if-range": etag });
    expect([rest.status, rest.headers.get("content-range")]).toEqual([206, `bytes ${size_bytes - 10}-${size_bytes - 1}/${size_bytes}`]);
    expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(-10))).toBe(true);

    const beyond = await file({ range: `bytes=${size_bytes}-` });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${size_bytes}`]);
    const head = await file({}, "HEAD");
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, String(size_bytes), ""]);
    expect((await file({ "if-none-match": etag })).status).toBe(304);
    const changed = await file({ range: "bytes=1-2", "if-range": '"other"' });
    expect(changed.status).toBe(200);
    await changed.body?.cancel();
  });

  it.each(["v2/../../catalog-key.pem", "%2e%2e/catalog-key.pem", "v2/sprout-3m-q8_0--738d9a5a8e29/1.0.0/manifest.json", "", "x"])(
    "has no file %j",
    async (name) => {
      expect((await fetch(`${test.url}/v1/blobs/${name}`)).status).toBe(404);
    },
  );
});
