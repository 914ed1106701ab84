import { createHash } from "node:crypto";
import { link, mkdir, mkdtemp, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createManifest, type Manifest } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ModelError } from "./model-error.js";
import { createModelStore } from "./model-store.js";
import { verifyModel } from "./verify-model.js";

let home: string;
let source: string;
const weights = Buffer.alloc(3_000_000, 7);

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-models-"));
  source = path.join(home, "source");
  await mkdir(source);
  await writeFile(path.join(source, "tiny.gguf"), weights);
});
afterEach(() => rm(home, { recursive: true }));

function manifestOf(contents: Uint8Array): Manifest {
  const sha256 = createHash("sha256").update(contents).digest("hex");
  const files = [{ path: "tiny.gguf", size_bytes: contents.length, sha256, role: "weight" as const }];
  return createManifest({ modelId: "tiny-q8_0", version: "1", files, createdAt: new Date(0) });
}

async function writeSource(manifest: Manifest, facts: unknown): Promise<void> {
  await writeFile(path.join(source, "manifest.json"), JSON.stringify(manifest));
  await writeFile(path.join(source, "catalog.json"), JSON.stringify(facts));
}

const facts = { contextLength_tokens: 2048, quantization: "q8_0", capabilities: ["chat", "tools", "time-travel"] };

describe("model store", () => {
  it("imports a model by reference and lists it", async () => {
    await writeSource(manifestOf(weights), facts);
    const store = createModelStore({ home });
    const imported = await store.importModel(source);
    expect(imported.info).toEqual({
      id: "tiny-q8_0",
      size_bytes: weights.length,
      format: "gguf",
      quantization: "q8_0",
      context_length: 2048,
      weight_hash: imported.manifest.aggregate_sha256,
      capabilities: ["chat", "tools"],
    });
    expect(imported.directory).toBe(source);
    expect(await createModelStore({ home }).listModels()).toEqual([imported]);
  });

  it("takes the path of a manifest as well, and keeps one record when imported again", async () => {
    await writeSource(manifestOf(weights), facts);
    const store = createModelStore({ home });
    await store.importModel(source);
    await store.importModel(path.join(source, "manifest.json"));
    expect(await store.listModels()).toHaveLength(1);
  });

  it("knows no models in an empty home", async () => {
    expect(await createModelStore({ home }).listModels()).toEqual([]);
  });

  it("refuses a model whose bytes are not those of its manifest, and records nothing", async () => {
    await writeSource(manifestOf(Buffer.alloc(weights.length, 8)), facts);
    const store = createModelStore({ home });
    await expect(store.importModel(source)).rejects.toMatchObject({ code: "hash_mismatch" });
    expect(await store.listModels()).toEqual([]);
  });

  it.each([
    ["no manifest", async () => rm(path.join(source, "manifest.json")), "manifest_missing"],
    ["a manifest that is no JSON", async () => writeFile(path.join(source, "manifest.json"), "{"), "manifest_invalid"],
    [
      "a manifest whose sums are wrong",
      async () => writeSource({ ...manifestOf(weights), total_size_bytes: 1 }, facts),
      "manifest_invalid",
    ],
    ["no facts", async () => rm(path.join(source, "catalog.json")), "facts_missing"],
    ["facts of another build", async () => writeSource(manifestOf(weights), { ...facts, id: "other" }), "facts_invalid"],
    ["facts without a context length", async () => writeSource(manifestOf(weights), {}), "facts_invalid"],
  ])("refuses a source with %s", async (_name, damage, code) => {
    await writeSource(manifestOf(weights), facts);
    await damage();
    await expect(createModelStore({ home }).importModel(source)).rejects.toMatchObject({ code });
  });

  it("says so when a record is damaged", async () => {
    await mkdir(path.join(home, "models", "x"), { recursive: true });
    await writeFile(path.join(home, "models", "x", "record.json"), "{}");
    await expect(createModelStore({ home }).listModels()).rejects.toMatchObject({ code: "record_invalid" });
  });
});

describe("verification", () => {
  it("passes for the very bytes, and notices when they change afterwards", async () => {
    const verified = await verifyModel(manifestOf(weights), source);
    expect(await verified.stillHolds()).toBe(true);
    await utimes(path.join(source, "tiny.gguf"), new Date(), new Date((await stat(path.join(source, "tiny.gguf"))).mtimeMs + 5000));
    expect(await verified.stillHolds()).toBe(false);
  });

  it("holds when a file gets another name, which the store gives it, and not when its bytes changed behind the back of its times", async () => {
    const file = path.join(source, "tiny.gguf");
    await utimes(file, 1_000, 1_000);
    const verified = await verifyModel(manifestOf(weights), source);
    await link(file, path.join(home, "twin.gguf"));
    expect(await verified.stillHolds()).toBe(true);
    await writeFile(file, Buffer.alloc(weights.length, 8));
    await utimes(file, 1_000, 1_000);
    expect(await verified.stillHolds()).toBe(false);
  });

  it("refuses a file of another size without reading it", async () => {
    await expect(verifyModel(manifestOf(weights.subarray(1)), source)).rejects.toMatchObject({ code: "size_mismatch" });
  });

  it("refuses a missing file", async () => {
    await expect(verifyModel(manifestOf(weights), path.join(home, "nowhere"))).rejects.toBeInstanceOf(ModelError);
  });

  it("refuses a path that leaves the folder", async () => {
    const [file] = manifestOf(weights).files;
    if (file === undefined) throw new Error("no file");
    const escaping = { ...manifestOf(weights), files: [{ ...file, path: "../source/tiny.gguf" }] };
    await expect(verifyModel(escaping, source)).rejects.toMatchObject({ code: "unsafe_path" });
  });

  it("stops when asked to", async () => {
    await expect(verifyModel(manifestOf(weights), source, { signal: AbortSignal.abort(new Error("stopped")) })).rejects.toThrow("stopped");
  });

  it("lets other work run meanwhile", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await verifyModel(manifestOf(weights), source);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });
});
