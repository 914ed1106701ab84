import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadSettings, type RunningCoordinator, startCoordinator } from "@umbel/coordinator";
import { startRangeServer } from "@umbel/provider/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { EXIT_CODES } from "../exit-codes.js";
import { BUNDLED_MODEL_DIRECTORIES } from "../home.js";
import { importModel } from "./models-import.js";
import { publishModel } from "./models-publish.js";
import { listRegistry, listRollouts, promoteModel, retireModel, rollbackModel, setModelAlias } from "./models-rollout.js";

const SPROUT = BUNDLED_MODEL_DIRECTORIES[0] ?? "";
const FILE = path.join(SPROUT, "sprout-3m-q8_0.gguf");
const PRICES = { inputPrice: "0.01", outputPrice: "0.02" };

describe("publishing by the command line", () => {
  const home = mkdtempSync(path.join(tmpdir(), "umbel-publishing-"));
  let coordinator: RunningCoordinator;
  let to: { readonly baseUrl: string; readonly home: string };
  beforeAll(async () => {
    const settings = loadSettings({ env: {}, overrides: { home, port: "0" } });
    coordinator = await startCoordinator(settings, { log: { write: () => undefined } });
    to = { baseUrl: `${coordinator.url}/v1`, home };
  }, 60_000);
  afterAll(async () => {
    await coordinator.close();
    rmSync(home, { recursive: true });
  });
  afterEach(() => vi.restoreAllMocks());

  /** What the command writes to standard output. */
  async function said(command: Promise<void>): Promise<string> {
    return command.then(() => written.splice(0).join(""));
  }
  const written: string[] = [];
  function listen(): void {
    vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
    vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  }
  const json = async (command: (options: { json: true } & typeof to) => Promise<void>): Promise<unknown> => {
    listen();
    return JSON.parse(await said(command({ ...to, json: true })));
  };
  const text = async (command: (options: typeof to) => Promise<void>): Promise<string> => {
    listen();
    return said(command(to));
  };

  it("brings a build in as a draft, reads what its file says, and hands the file out", async () => {
    await expect(publishModel(FILE, to)).rejects.toMatchObject({
      exitCode: EXIT_CODES.usage,
      remedy: expect.stringContaining("--input-price"),
    });
    const draft = await json((options) => publishModel(FILE, { ...options, ...PRICES, id: "oak", version: "1" }));
    expect(draft).toMatchObject({ status: "registered", model: "oak", version: "1", active: false, changes: {} });
    expect(await json((options) => promoteModel("oak", options))).toMatchObject({ status: "promoted", version: "1" });
    const entry = await (await fetch(`${to.baseUrl}/models/catalog/oak`)).json();
    expect(entry).toMatchObject({ architecture: "llama", quantization: "Q8_0", max_context_length: 2_048, input_price: 10_000 });
    const memory = { resident_bytes: 3_635_668, min_ram_gb: 0.02, min_vram_gb: 0.51, active_bytes: 2_882_304 };
    const file_facts = {
      ...{ parameter_count: 3_049_920, active_parameter_count: 2_705_856, train_context_length: 2_048 },
      chat_template_sha256: "fc85a6f5b879d19a288437cb3109546daaf5df7aba9d9664641d233fe3f48965",
    };
    expect(entry).toMatchObject({ kv_bytes_per_token: 1536, memory, file_facts });
    const { prefix } = entry as { prefix: string };
    const beginning = await fetch(`${to.baseUrl}/blobs/${prefix}/sprout-3m-q8_0.gguf`, { headers: { range: "bytes=0-3" } });
    expect(await beginning.text()).toBe("GGUF");
  });

  it("shows what another description would change, and takes a folder that describes itself", async () => {
    const dearer = { ...PRICES, outputPrice: "0.03", id: "oak", version: "1" };
    expect(await text((options) => publishModel(FILE, { ...options, ...dearer }))).toMatch(/prices: .*20000.* would become .*30000/);
    expect(await json((options) => publishModel(SPROUT, { ...options, id: "elm", version: "1", promote: true }))).toMatchObject({
      active: true,
    });
    const verified = { ...PRICES, id: "ash", version: "1", verify: true, promote: true };
    expect(await json((options) => publishModel(FILE, { ...options, ...verified }))).toMatchObject({ status: "promoted", active: true });
    await json((options) => retireModel("ash", options));
  });

  it("moves a name step by step, and back; what is not named stays", async () => {
    await json((options) => setModelAlias("tree", { ...options, desired: "oak" }));
    expect(await json((options) => setModelAlias("tree", { ...options, desired: "elm", share: "10", wave: "25" }))).toMatchObject({
      alias: { desired: { build: "elm" }, previous: { build: "oak" }, desired_share: 10, wave: 25 },
    });
    expect(await json((options) => setModelAlias("tree", { ...options, share: "50" }))).toMatchObject({
      alias: { desired: { build: "elm" }, previous: { build: "oak" }, desired_share: 50, wave: 25 },
    });
    expect(await text(listRollouts)).toMatch(/tree +elm +0\/0 +oak +0\/0 +50 % +25 % +moving/);
    expect(await json((options) => rollbackModel("tree", options))).toMatchObject({
      alias: { desired: { build: "oak" }, previous: { build: "elm" }, desired_share: 100, wave: 100 },
    });
    expect(await json((options) => setModelAlias("tree", { ...options, finish: true }))).toMatchObject({
      alias: { desired: { build: "oak" }, previous: null, retired_builds: ["elm"] },
    });
  });

  it("registers what lies in a repository of a hub, from where machines fetch it", async () => {
    const hub = await startRangeServer();
    vi.stubEnv("HF_ENDPOINT", hub.url);
    const bytes = await readFile(FILE);
    const commit = "c0ffee".padEnd(40, "0");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const serve = (place: string, value: unknown) =>
      hub.files.set(place, { bytes: Buffer.from(JSON.stringify(value)), ignoresRanges: true });
    serve("/api/models/org/yew-GGUF/revision/main", { sha: commit });
    const lfs = { oid: sha256, size: bytes.length };
    serve(`/api/models/org/yew-GGUF/tree/${commit}?recursive=true`, [{ type: "file", path: "Yew-Q8_0.gguf", size: bytes.length, lfs }]);
    const place = `/org/yew-GGUF/resolve/${commit}/Yew-Q8_0.gguf`;
    hub.files.set(place, { bytes });
    try {
      await expect(importModel("hf:org/yew-GGUF", to)).rejects.toMatchObject({ remedy: expect.stringContaining("--input-price") });
      const taken = await json((options) => importModel("hf:org/yew-GGUF", { ...options, ...PRICES, promote: true }));
      expect(taken).toMatchObject({ model: "yew-q8_0", version: commit.slice(0, 12), active: true });
      const described = await (await fetch(`${to.baseUrl}/models/catalog/yew-q8_0`)).json();
      expect(described).toMatchObject({ quantization: "Q8_0", metadata: { hugging_face_id: "org/yew-GGUF" } });
      const manifest = await (await fetch(`${to.baseUrl}/models/catalog/manifest/yew-q8_0`)).json();
      expect(manifest).toMatchObject({
        files: [{ path: "Yew-Q8_0.gguf", sha256, role: "weight" }],
        file_urls: { "Yew-Q8_0.gguf": [`${hub.url}${place}`] },
      });
      await expect(importModel("oak", to)).rejects.toMatchObject({ exitCode: EXIT_CODES.usage });
      await expect(importModel("hf:org/none", { ...to, ...PRICES })).rejects.toMatchObject({ exitCode: EXIT_CODES.failure });
      // What the coordinator cannot fetch, machines could not either.
      const private_ = { ...PRICES, ...to, id: "private" };
      vi.spyOn(process.stderr, "write").mockImplementation(() => true);
      hub.files.set(place, { bytes: Buffer.concat([bytes.subarray(0, -1), Buffer.of(0xff)]) });
      await expect(importModel("hf:org/yew-GGUF", private_)).rejects.toMatchObject({ remedy: expect.stringContaining("without a token") });
    } finally {
      vi.unstubAllEnvs();
      await hub.close();
    }
  });

  it("lets a name stand for one version, whose files are handed out from where they lie", async () => {
    const moved = await json((options) => setModelAlias("tree", { ...options, desired: "oak@1" }));
    expect(moved).toMatchObject({ alias: { desired: { build: "oak-at-1" }, previous: { build: "oak" } } });
    const file = (await (await fetch(`${to.baseUrl}/models/catalog/manifest/oak-at-1`)).json()) as { file_urls: Record<string, string[]> };
    expect(file).toMatchObject({ model_id: "oak-at-1", version: "1", origins: [] });
    const [place = ""] = Object.values(file.file_urls)[0] ?? [];
    const beginning = await fetch(new URL(place, to.baseUrl), { headers: { range: "bytes=0-3" } });
    expect(await beginning.text()).toBe("GGUF");
    expect(await json((options) => setModelAlias("tree", { ...options, share: "50" }))).toMatchObject({
      alias: { desired: { build: "oak-at-1" }, desired_share: 50 },
    });
    await expect(setModelAlias("tree", { ...to, desired: "oak@9" })).rejects.toMatchObject({ message: expect.stringContaining("version") });
    await json((options) => setModelAlias("tree", { ...options, desired: "oak", finish: true }));
  });

  it("says no with what to do, by its exit code", async () => {
    await expect(setModelAlias("shrub", to)).rejects.toMatchObject({ exitCode: EXIT_CODES.usage });
    await expect(retireModel("oak", to)).rejects.toMatchObject({ message: expect.stringContaining("point it elsewhere first") });
    await expect(rollbackModel("oak", to)).rejects.toMatchObject({ exitCode: EXIT_CODES.failure });
    await expect(retireModel("elm", { ...to, revoke: "1" })).rejects.toMatchObject({ exitCode: EXIT_CODES.usage });
    await expect(promoteModel("oak", { ...to, adminKey: "x".repeat(40) })).rejects.toMatchObject({ exitCode: EXIT_CODES.authentication });
    await expect(promoteModel("oak", { ...to, baseUrl: "http://127.0.0.1:1/v1" })).rejects.toMatchObject({ exitCode: EXIT_CODES.network });
  });

  it("retires a build, takes it back, and revokes a version for good", async () => {
    expect(await json((options) => retireModel("elm", options))).toMatchObject({ model_status: "retired" });
    expect(await json((options) => retireModel("elm", { ...options, undo: true }))).toMatchObject({ model_status: "active" });
    await json((options) => retireModel("elm", { ...options, revoke: "1", reason: "bad tensor" }));
    expect(await text(listRegistry)).toMatch(/elm +active +1 +revoked/);
  });
});
