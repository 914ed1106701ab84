import { createHash } from "node:crypto";
import { appendFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadBundledModel } from "@umbel/coordinator";
import { systemClock } from "@umbel/protocol/native";
import { catalogMemory, createModelLibrary, inspectGgufFile } from "@umbel/provider";
import { type CatalogServer, smallLlama, startCatalogServer, writeGguf } from "@umbel/provider/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EXIT_CODES } from "../exit-codes.js";
import { BUNDLED_MODEL_DIRECTORIES } from "../home.js";
import { importModels } from "../provider/import-models.js";
import { manifestOf, PART_bytes } from "../publishing/hash-files.js";
import { modelOffers } from "./model-offers.js";
import { showCatalog } from "./models-catalog.js";
import { downloadModels } from "./models-download.js";
import { hashModel } from "./models-hash.js";
import { listModels } from "./models-list.js";
import { pruneModels } from "./models-prune.js";
import { removeModel } from "./models-remove.js";
import { verifyModels } from "./models-verify.js";

let home: string;
let server: CatalogServer;
let flags: { home: string; coordinator: string; json: true };

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-cli-models-"));
  server = await startCatalogServer();
  flags = { home, coordinator: server.url, json: true };
  const publish = (id: string, data_bytes: number, min_ram_gb: number) =>
    server.publish({
      id,
      version: "1",
      files: [{ path: "m.gguf", bytes: writeGguf({ metadata: smallLlama, data_bytes }) }],
      entry: { min_ram_gb },
    });
  await publish("oak-1b-q8_0", 1000, 1);
  await publish("elm-2b-q8_0", 2000, 1);
  await publish("yew-900b-q8_0", 3000, 4000);
  server.alias({ id: "oak", desired_build: "oak-1b-q8_0" });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
  await rm(home, { recursive: true });
});

/** What a command prints as its result. */
async function resultOf(command: () => Promise<void>): Promise<unknown> {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await command();
    expect(write).toHaveBeenCalledTimes(1);
    return JSON.parse(String(write.mock.calls[0]?.[0]));
  } finally {
    write.mockRestore();
  }
}

const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
const hash = expect.stringMatching(/^[0-9a-f]{64}$/);
const oak = () => ({
  id: "oak-1b-q8_0",
  version: "1",
  weight_hash: hash,
  quantization: "Q8_0",
  size_bytes: expect.any(Number),
  context_tokens: 4096,
  capabilities: ["chat"],
  origin: { kind: "catalog", coordinator: server.url },
  directory: expect.stringContaining(path.join(home, "provider", "models", "v2")),
  stored: true,
  pinned: true,
  taken_in_at: isoTime,
  used_at: isoTime,
});
const offer = (id: string, changes: object) => ({
  ...{ id, build: id, display_name: id, quantization: "Q8_0", size_bytes: expect.any(Number), context_tokens: 4096 },
  ...{ min_ram_gb: 1, expected_tps: expect.any(Number), downloaded: false, fits: true, suggested: false, ...changes },
});

/** A model that came without being asked for by name. */
async function fetchedInBackground(name: string): Promise<string> {
  const library = createModelLibrary({ home: path.join(home, "provider"), coordinatorUrl: server.url, clock: systemClock });
  const { directory } = await library.fetchModel(name, { signal: new AbortController().signal, mode: "background" });
  return path.join(directory, "m.gguf");
}

describe("models that are looked after", () => {
  afterEach(() => {
    process.exitCode = undefined;
  });

  it("are verified byte by byte: what is spoilt is named, and counts in the exit code", async () => {
    const file = await fetchedInBackground("oak");
    const verified = { id: "oak-1b-q8_0", version: "1", weight_hash: hash, size_bytes: expect.any(Number), ok: true, problem: null };
    expect(await resultOf(() => verifyModels(undefined, flags))).toEqual({ ok: true, data: [verified] });
    expect(process.exitCode).toBeUndefined();
    await appendFile(file, "x");
    const spoilt = { ...verified, ok: false, problem: expect.stringContaining("m.gguf") };
    expect(await resultOf(() => verifyModels("oak-1b-q8_0", flags))).toEqual({ ok: false, data: [spoilt] });
    expect(process.exitCode).toBe(EXIT_CODES.verification);
    await expect(verifyModels("elm", flags)).rejects.toMatchObject({ exitCode: EXIT_CODES.failure });
  });

  it("go for the budget, once it is said; what was asked for by name stays", async () => {
    await fetchedInBackground("oak");
    const { size_bytes } = { size_bytes: expect.any(Number) };
    expect(await resultOf(() => pruneModels({ ...flags, maxDiskGb: "1" }))).toMatchObject({ candidates: [], removed: [], max_bytes: 1e9 });
    const oak = { id: "oak-1b-q8_0", size_bytes, used_at: isoTime };
    const planned = await resultOf(() => pruneModels({ ...flags, maxDiskGb: "0.000001" }));
    const used_bytes = (planned as { used_bytes: number }).used_bytes;
    expect(planned).toEqual({ used_bytes, max_bytes: 1000, candidates: [oak], removed: [], left_bytes: used_bytes });
    const pruned = await resultOf(() => pruneModels({ ...flags, maxDiskGb: "0.000001", yes: true }));
    expect(pruned).toEqual({ used_bytes, max_bytes: 1000, candidates: [oak], removed: [oak.id], left_bytes: 0 });
    await resultOf(() => downloadModels(["elm-2b-q8_0"], flags));
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    await expect(pruneModels({ ...flags, maxDiskGb: "0.000001", yes: true })).rejects.toMatchObject({ exitCode: EXIT_CODES.failure });
  });

  it("have a manifest, whether they are a file or a folder", async () => {
    const file = await fetchedInBackground("oak");
    const manifest = await resultOf(() => hashModel(file, { json: true, id: "oak", version: "2" }));
    expect(manifest).toMatchObject({
      model_id: "oak",
      version: "2",
      file_count: 1,
      files: [{ path: "m.gguf", sha256: hash, role: "weight" }],
    });
    await expect(hashModel(path.join(home, "nothing"), { version: "1" })).rejects.toMatchObject({ exitCode: EXIT_CODES.failure });
    await expect(hashModel(home, { version: "a/b", id: "oak" })).rejects.toMatchObject({ exitCode: EXIT_CODES.usage });
  });
});

describe("what is published", () => {
  it("has hashes of the parts of a file that is larger than one", async () => {
    const file = path.join(home, "large.gguf");
    await writeFile(file, "");
    await truncate(file, PART_bytes + 5);
    const about = { id: "large", version: "1", createdAt: new Date(0) };
    const [described] = (await manifestOf({ directory: home, paths: ["large.gguf"] }, about)).files;
    const hashOf = (size: number) => createHash("sha256").update(Buffer.alloc(size)).digest("hex");
    expect(described?.parts).toEqual({ size_bytes: PART_bytes, sha256: [hashOf(PART_bytes), hashOf(5)] });
    expect(described?.sha256).toBe(hashOf(PART_bytes + 5));
  });

  it.each(BUNDLED_MODEL_DIRECTORIES)("says of %s what its file says", async (directory) => {
    const { build } = await loadBundledModel(directory);
    const found = await inspectGgufFile(path.join(directory, build.manifest.files[0]?.path ?? ""));
    const { resident_bytes, min_ram_gb, min_vram_gb, active_bytes } = catalogMemory(found);
    expect(build.memory).toEqual({ resident_bytes, minRam_gb: min_ram_gb, minVram_gb: min_vram_gb, active_bytes });
    expect(build.fileFacts).toEqual({
      parameters: found.parameters,
      ...(found.active.parameters < found.parameters && { activeParameters: found.active.parameters }),
      trainContext_tokens: found.contextLength_tokens,
      ...(found.chatTemplate_sha256 !== undefined && { chatTemplate_sha256: found.chatTemplate_sha256 }),
    });
  });
});

describe("umbel models with --json", () => {
  it("downloads, lists, shows the catalogue, and removes", async () => {
    expect(await resultOf(() => downloadModels(["oak"], flags))).toEqual({ models: [oak()] });
    expect(await resultOf(() => listModels(flags))).toEqual({ object: "list", data: [oak()] });
    expect(await resultOf(() => showCatalog(flags))).toEqual({
      revision: 3,
      models: [offer("oak", { build: "oak-1b-q8_0", downloaded: true }), offer("elm-2b-q8_0", { suggested: true })],
      not_in_catalog: [],
    });
    expect(await resultOf(() => showCatalog({ ...flags, all: true }))).toMatchObject({
      models: [{ id: "oak" }, { id: "elm-2b-q8_0" }, offer("yew-900b-q8_0", { min_ram_gb: 4000, fits: false })],
    });
    const ofType = (type: string) => resultOf(() => showCatalog({ ...flags, type }));
    expect(await ofType("chat")).toMatchObject({ models: [{ id: "oak" }, { id: "elm-2b-q8_0" }] });
    expect(await ofType("embedding")).toMatchObject({ models: [] });
    await server.publish({
      id: "ivy-embed",
      version: "1",
      files: [{ path: "m.gguf", bytes: writeGguf({ metadata: smallLlama, data_bytes: 500 }) }],
      entry: { capabilities: ["embedding"], min_ram_gb: 1 },
    });
    expect(await ofType("embedding")).toMatchObject({ models: [{ id: "ivy-embed" }] });
    await expect(ofType("image")).rejects.toMatchObject({ exitCode: EXIT_CODES.usage });
    expect(await resultOf(() => removeModel("oak-1b-q8_0", { ...flags, yes: true }))).toEqual({
      id: "oak-1b-q8_0",
      removed: true,
      freed_bytes: expect.any(Number),
    });
    expect(await resultOf(() => listModels(flags))).toEqual({ object: "list", data: [] });
  });
});

it("serves by its name what was taken in from a file", async () => {
  const file = path.join(home, "Larch-1B-Q8_0.gguf");
  await writeFile(file, writeGguf({ metadata: smallLlama, data_bytes: 1000 }));
  const { models } = (await resultOf(() => downloadModels([file], flags))) as { models: { id: string }[] };
  const id = models[0]?.id ?? "";
  const store = { home: path.join(home, "provider"), modelsDirectory: undefined };
  expect(await importModels(store, [id])).toEqual([id]);
  await expect(importModels(store, ["ash"])).rejects.toMatchObject({ message: expect.stringContaining("ash"), remedy: expect.any(String) });
});

describe("failures", () => {
  const failure = (exitCode: number, remedy: string) =>
    expect.objectContaining({ name: "CliError", exitCode, remedy: expect.stringContaining(remedy) });
  it.each<[string, () => Promise<void>, number, string]>([
    ["a model that is not in the catalogue", () => downloadModels(["ash"], flags), 1, "umbel models catalog"],
    ["nobody who answers", () => downloadModels(["oak"], { ...flags, coordinator: "http://127.0.0.1:1" }), 5, "--coordinator"],
    ["a key that the coordinator does not have", () => downloadModels(["oak"], { ...flags, catalogKey: "other" }), 7, "--catalog-key"],
    ["a budget that is too small", () => downloadModels(["oak"], { ...flags, maxDiskGb: "0.000" }), 2, ""],
    ["a budget of nothing", () => downloadModels(["oak"], { ...flags, maxDiskGb: "0.001" }), 6, "umbel models remove"],
    ["a name that is none", () => downloadModels(["two words"], flags), 2, "--help"],
    ["an address that is not encrypted", () => downloadModels(["http://192.0.2.1/m.gguf"], flags), 2, "https"],
    ["removing what is not here", () => removeModel("ash", { ...flags, yes: true }), 1, "umbel models list"],
  ])("%s", async (_, command, exitCode, remedy) => {
    if (exitCode === 6) {
      const bytes = writeGguf({ metadata: smallLlama, data_bytes: 1_100_000 });
      await server.publish({ id: "oak-1b-q8_0", version: "2", files: [{ path: "m.gguf", bytes }] });
    }
    await expect(command()).rejects.toEqual(remedy === "" ? expect.objectContaining({ exitCode }) : failure(exitCode, remedy));
  });
});

it("offers what is here first, then what fits by size, and suggests the largest of these that is fast enough", () => {
  const models = [
    { id: "huge", weight_hash: "h", total_size_bytes: 50e9, min_ram_gb: 64 },
    { id: "small", weight_hash: "s", total_size_bytes: 1e9, min_ram_gb: 2 },
    // All of a dense model is read for each token; of a model of experts, those that are at work.
    { id: "dense", weight_hash: "d", total_size_bytes: 5e9, min_ram_gb: 8 },
    { id: "experts", weight_hash: "m", total_size_bytes: 4e9, min_ram_gb: 8, memory: { active_bytes: 2e9 } },
    { id: "vectors", weight_hash: "v", total_size_bytes: 6e9, min_ram_gb: 8, model_type: "embedding" },
  ];
  const catalog = { revision: 1, withdrawn: [], models } as unknown as Parameters<typeof modelOffers>[0];
  expect(modelOffers(catalog, [], { memory_gib: 16, bandwidth_gbs: 40 })).toMatchObject([
    { name: "small", isSuggested: false, unfit: undefined, expected_tps: 40 },
    { name: "experts", isSuggested: true, unfit: undefined, expected_tps: 20 },
    { name: "dense", isSuggested: false, unfit: undefined, expected_tps: 8 },
    { name: "vectors", isSuggested: false, unfit: undefined, expected_tps: undefined },
    { name: "huge", isSuggested: false, unfit: "needs 64 GiB of memory, of which there are 16" },
  ]);
});
