import { chmod, cp, mkdir, mkdtemp, open, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createModelStore } from "@umbel/provider";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BUNDLED_MODEL_DIRECTORIES } from "../home.js";
import type { ProviderStatus } from "../provider/ask.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { coordinatorChecks } from "./coordinator-checks.js";
import type { Finding } from "./finding.js";
import { listeningChecks } from "./listening-checks.js";
import { modelChecks } from "./model-checks.js";
import type { Patient } from "./patient.js";
import { postureChecks } from "./posture-checks.js";
import { runningChecks } from "./running-checks.js";
import { setupChecks } from "./setup-checks.js";

const GiB = 2 ** 30;
const NOW = new Date("2026-12-01T12:00:00Z");
const STATUS: ProviderStatus = {
  pid: 7,
  version: "0.1.0",
  started_at: NOW.toISOString(),
  phase: "serving",
  rest_reasons: [],
  paused_until: null,
  schedule_changes_at: null,
  coordinator: "https://coordinator.example",
  endpoint: null,
  connected: true,
  machine_id: "thumbprint",
  trust_level: "self_signed",
  trust_reason: null,
  program_unknown: null,
  models: ["sprout-3m-q8_0"],
  in_memory: [],
  load_failures: [],
  in_flight: 0,
  answers_wait: false,
  requests_served: 0,
  tokens_generated: 0,
  errors: 0,
  worker_restarts: 0,
  reconnects: 0,
  sandbox: { network: "namespace", filesystem: "permission-model" },
  posture: null,
  memory_troubles: [],
  prefix_cache_refusal: null,
  battery_percent: null,
  memory: "normal",
  thermal: "nominal",
  metered: false,
  fetches: true,
  updates: null,
  settings: [],
};
const POSTURE = {
  secure_boot: "on",
  swap: "none",
  memory_lock: "limited",
  tracer: "none",
  ptrace_scope: "descendants",
  lockdown: "none",
  system_integrity: "unknown",
} as const;
const WHY = {
  id: "mach_1",
  state: "gets_work",
  reason: null,
  words: ["competes with 3 machines"],
  advice: null,
  builds: [],
  lately: { hours: 24, chosen: 1, failed: 0, last_at: null, asked: 2 },
};

const REFUSED = {
  build: "b",
  state: "refused",
  reason: "not_in_catalog",
  kind: "static",
  words: ["unknown"],
  advice: "fetch it anew",
  rank: null,
  competitors: 0,
  cost_ms: null,
  best_cost_ms: null,
};

describe("the doctor", () => {
  let home: string;
  let model: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "umbel-doctor-"));
    // A copy, because it will be broken.
    model = path.join(home, "sprout");
    await cp(BUNDLED_MODEL_DIRECTORIES[0] ?? "", model, { recursive: true });
    await createModelStore({ home: path.join(home, "provider") }).importModel(model);
  });
  afterEach(async () => {
    await chmod(home, 0o700);
    await rm(home, { recursive: true });
  });

  function answers(change: Readonly<Record<string, { status?: number; body?: unknown; date?: string }>> = {}) {
    return async (url: string): Promise<Response> => {
      const { pathname } = new URL(url);
      const route = pathname.endsWith("/why") ? "why" : pathname.endsWith("/me/providers") ? "list" : "health";
      const bodies = { health: { status: "ok", version: "0.1.0" }, list: { data: [] }, why: WHY };
      const { status = 200, body = bodies[route], date = NOW.toUTCString() } = change[route] ?? {};
      return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers: { date } });
    };
  }

  async function examine(change: Partial<Patient> = {}, env: Record<string, string> = {}): Promise<readonly Finding[]> {
    const patient: Patient = {
      places: providerPlaces({ home }),
      settings: resolveSettings({}, { UMBEL_PROVIDER_COORDINATOR: "https://coordinator.example", ...env }, undefined),
      token: "umbel-pt-1",
      status: STATUS,
      gaveUp: undefined,
      posture: POSTURE,
      nodeVersion: "v20.19.0",
      now: () => NOW,
      fetch: answers(),
      freeDisk_bytes: async () => 100 * GiB,
      memory_bytes: 16 * GiB,
      isThorough: false,
      ...change,
    };
    return [
      ...(await setupChecks(patient)),
      ...postureChecks(patient),
      ...(await listeningChecks(patient)),
      ...(await modelChecks(patient)),
      ...runningChecks(patient),
      ...(await coordinatorChecks(patient)),
    ];
  }

  async function complaints(change: Partial<Patient> = {}, env: Record<string, string> = {}): Promise<readonly string[]> {
    const found = (await examine(change, env)).filter(({ status }) => status !== "pass");
    for (const { fix } of found) expect(fix).toMatch(/\S/);
    return found.map(({ check, status, words }) => `${status} ${check}: ${words}`);
  }

  it("finds nothing wrong with a machine that is well, however closely it looks", async () => {
    expect(await complaints()).toEqual([]);
    expect(await complaints({ isThorough: true })).toEqual([]);
    expect((await examine()).map(({ check }) => check)).toEqual(
      [
        "node",
        "memory",
        "settings",
        "home",
        "disk",
        "device_key",
        ...["swap", "memory_lock", "secure_boot", "lockdown", "system_integrity", "ptrace_scope", "tracer"],
        "control",
        "model_files",
        "model_fits",
        "disk_budget",
        "running",
        "confinement",
      ].concat(["coordinator", "clock", "account", "work"]),
    );
  });

  it.each<[string, Partial<Patient>, RegExp]>([
    ["an old Node", { nodeVersion: "v18.20.0" }, /^fail node: Node v18.20.0 is too old/],
    ["a full disk", { freeDisk_bytes: async () => GiB / 2 }, /^fail disk: 0\.5 GiB/],
    [
      "a service that was given up",
      { status: undefined, gaveUp: "it crashed 5 times" },
      /^fail running: The service was given up .* 5 times/,
    ],
    ["a provider that does not run", { status: undefined }, /^fail running: No provider runs/],
    ["a provider that is stuck", { status: new Error("it does not answer") }, /^fail running: .*does not answer/],
    ["a pause", { status: { ...STATUS, phase: "resting", rest_reasons: ["paused"] } }, /^warn resting: .*you have paused it/],
    [
      "a model that did not load",
      { status: { ...STATUS, load_failures: [{ build: "b", code: "insufficient_memory", message: "needs 9 GiB" }] } },
      /^fail loading: b could not be loaded \(insufficient_memory/,
    ],
    ["a program that is no release", { status: { ...STATUS, program_unknown: { enforced: true } } }, /^fail program: .* no requests/],
    ["one that may serve all the same", { status: { ...STATUS, program_unknown: { enforced: false } } }, /^warn program: /],
    ["a worker that keeps dying", { status: { ...STATUS, worker_restarts: 3 } }, /^warn worker: The worker died 3 times/],
    [
      "memory that ran out",
      {
        status: { ...STATUS, memory_troubles: [{ what: "killed", who: "worker", at: "2026-12-01T11:00:00Z", evidence: "control_group" }] },
      },
      /^warn memory_ran_out: At 2026-12-01T11:00:00Z the system ended the worker for want of memory/,
    ],
    [
      "prompts that are not kept",
      { status: { ...STATUS, prefix_cache_refusal: "/dev/shm is not there, or cannot be written to" } },
      /^warn prefix_cache: Prompts are not kept on the disk: \/dev\/shm is not there/,
    ],
    ["a network that is metered", { status: { ...STATUS, metered: true, fetches: false } }, /^warn network: The network is metered/],
    ["a worker that is not confined", { status: { ...STATUS, sandbox: { network: "none", filesystem: "none" } } }, /^warn confinement/],
    [
      "swap on a disk in clear",
      { posture: { ...POSTURE, swap: "in_clear" } },
      /^warn swap: Memory is swapped out to a disk in clear[^.]*\.$/,
    ],
    ["a debugger", { posture: { ...POSTURE, tracer: "attached" } }, /^fail tracer: Another program traces the provider/],
    ["a machine without an account", { token: undefined }, /^warn account: .*nobody earns/],
  ])("names the cause of %s", async (_, change, words) => {
    expect(await complaints(change)).toEqual([expect.stringMatching(words)]);
  });

  it.each<[string, Parameters<typeof answers>[0], RegExp]>([
    ["something else at the coordinator's address", { health: { body: "<html>" } }, /^fail coordinator: What answers .* is no coordinator/],
    ["a clock that is wrong", { health: { date: "Tue, 01 Dec 2026 11:50:00 GMT" } }, /^fail clock: The clock is 600 s fast/],
    ["a token that is not accepted", { list: { status: 401 } }, /^fail account: .*does not accept/],
    ["another account's machine", { why: { status: 404 } }, /^fail work: .*no such machine of this account/],
    [
      "a machine that gets no work",
      { why: { body: { ...WHY, state: "no_work", reason: "version_floor", words: ["too old"], advice: "update it" } } },
      /^fail work: The coordinator gives it no work \(version_floor\): too old/,
    ],
    [
      "a build that gets no work",
      {
        why: {
          body: {
            ...WHY,
            builds: [REFUSED],
          },
        },
      },
      /^warn work: b gets no work \(not_in_catalog\): unknown/,
    ],
  ])("names the cause of %s", async (_, change, words) => {
    expect(await complaints({ fetch: answers(change) })).toEqual([expect.stringMatching(words)]);
  });

  it("names a coordinator that cannot be reached, and does not go on to guess about it", async () => {
    const refused = Object.assign(new Error("fetch failed"), { cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }) });
    const found = await complaints({ fetch: () => Promise.reject(refused) });
    expect(found).toEqual(["fail coordinator: Nothing answers at https://coordinator.example (ECONNREFUSED)."]);
  });

  it("names a model that is cut short, one that was changed, and one that does not fit", async () => {
    const gguf = path.join(model, (await readdir(model)).find((name) => name.endsWith(".gguf")) ?? "");
    const handle = await open(gguf, "r+");
    await handle.write(Buffer.from("x"), 0, 1, 1_000);
    await handle.close();
    expect(await complaints()).toEqual([]);
    expect(await complaints({ isThorough: true })).toEqual([expect.stringMatching(/^fail model_files: sprout-3m-q8_0 is not whole/)]);
    await truncate(gguf, 1_000);
    expect(await complaints()).toEqual([expect.stringMatching(/^fail model_files: sprout-3m-q8_0 is not whole/)]);
    expect(await complaints({}, { UMBEL_PROVIDER_MEMORY_GB: "0.001" })).toContainEqual(
      expect.stringMatching(/^fail model_fits: .*it may take [\d.]+ [kM]B/),
    );
  });

  it("names the largest of the catalogue that would fit in place of one that does not", async () => {
    const entry = (id: string, size: number, min_ram_gb: number) => ({
      ...{
        id,
        display_name: id,
        model_type: "text",
        family: id,
        architecture: "llama",
        quantization: "Q8_0",
        description: "",
        license: "MIT",
      },
      ...{ capabilities: [], max_context_length: 1, max_output_length: 1, weight_hash: "0".repeat(64), version: "1", prefix: "v2/x" },
      ...{
        total_size_bytes: size,
        size_gb: 0,
        file_count: 1,
        kv_bytes_per_token: 1,
        min_ram_gb: 3,
        status: "active",
        deprecation_date: null,
      },
      ...{ input_price: 1, output_price: 1, created: 1, memory: { resident_bytes: 1, min_ram_gb, min_vram_gb: 1 } },
    });
    const models = [entry("a", 1, 0.0005), entry("b", 4, 0.0005), entry("huge", 9, 64), entry("c", 3, 0.0005), entry("d", 2, 0.0005)];
    const fetch = async () => Response.json({ revision: 1, models, withdrawn: [] });
    const found = await examine({ fetch }, { UMBEL_PROVIDER_MEMORY_GB: "0.001" });
    expect(found.find(({ check }) => check === "model_fits")?.fix).toBe(
      "Raise backend.memory_gb, or serve a smaller build: b, c, d would fit.",
    );
  });

  it.skipIf(process.platform === "win32")("names a key that others can read", async () => {
    const keys = path.join(home, "provider", "keys");
    await mkdir(keys, { recursive: true });
    await writeFile(path.join(keys, "device.pem"), "key");
    await chmod(path.join(keys, "device.pem"), 0o644);
    expect(await complaints()).toEqual([expect.stringMatching(/^fail device_key: Other users .* may read its key/)]);
  });

  it("tells that prompts on the disk go through memory that is swapped out, and of nothing that is not known", async () => {
    const [found] = await complaints({ posture: { ...POSTURE, swap: "in_clear" } }, { UMBEL_PROVIDER_PREFIX_CACHE_DISK_GB: "1" });
    expect(found).toMatch(/^warn swap: .* go through memory in clear \(prefix_cache\.disk_gb\)\.$/);
    const unknown = {
      secure_boot: "unknown",
      swap: "unknown",
      memory_lock: "unknown",
      tracer: "unknown",
      ptrace_scope: "unknown",
      lockdown: "unknown",
      system_integrity: "unknown",
    } as const;
    expect(await complaints({ posture: unknown })).toEqual([]);
  });

  it("tells of settings that mean nothing", async () => {
    const settings = {
      ...resolveSettings({}, { UMBEL_PROVIDER_COORDINATOR: "https://coordinator.example" }, undefined),
      warnings: ["a: no setting"],
    };
    expect(await complaints({ settings })).toEqual(["warn settings: a: no setting"]);
  });
});
