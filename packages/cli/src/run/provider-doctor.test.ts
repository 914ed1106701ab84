/** The whole doctor over set-ups that are really broken: real files, sockets and servers, one thing wrong at a time. */
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "@umbel/protocol/native";
import { type ControlServer, controlPath, createModelLibrary, createModelStore, startControl } from "@umbel/provider";
import { smallLlama, startCatalogServer, writeGguf } from "@umbel/provider/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Finding } from "../doctor/finding.js";
import { BUNDLED_MODEL_DIRECTORIES } from "../home.js";
import type { ProviderStatus } from "../provider/ask.js";
import { doctor } from "./provider-doctor.js";

const WHY = {
  ...{ id: "mach_1", state: "gets_work", reason: null, words: ["competes with 3 machines"], advice: null, builds: [] },
  lately: { hours: 24, chosen: 1, failed: 0, last_at: null, asked: 2 },
};

describe.skipIf(process.platform === "win32")("umbel provider doctor", () => {
  let home: string;
  let coordinator: Server;
  let control: ControlServer | undefined;
  const closing: (() => void)[] = [];
  /** What the coordinator does otherwise than one that is well. */
  let answers: { health?: [number, string]; list?: number; date?: Date };

  beforeEach(async () => {
    answers = {};
    home = await mkdtemp(path.join(tmpdir(), "umbel-dr-"));
    await cp(BUNDLED_MODEL_DIRECTORIES[0] ?? "", model(), { recursive: true, filter: (file) => !file.endsWith("train") });
    await createModelStore({ home: below() }).importModel(model());
    coordinator = createServer((request, response) => {
      response.sendDate = false;
      response.setHeader("date", (answers.date ?? new Date()).toUTCString());
      const { pathname } = new URL(request.url ?? "", "http://coordinator");
      if (pathname === "/health") {
        const [status, body] = answers.health ?? [200, JSON.stringify({ status: "ok", version: "0.1.0" })];
        response.writeHead(status).end(body);
      } else response.writeHead(answers.list ?? 200).end(JSON.stringify(pathname.endsWith("/why") ? WHY : { data: [] }));
    });
    await new Promise<void>((resolve) => coordinator.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("UMBEL_PROVIDER_COORDINATOR", `http://127.0.0.1:${portOf(coordinator)}`);
    vi.stubEnv("UMBEL_PROVIDER_TOKEN", "umbel-pt-1");
    await serve();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    process.exitCode = undefined;
    for (const close of closing.splice(0)) close();
    await control?.close();
    coordinator.closeAllConnections();
    coordinator.close();
    await rm(home, { recursive: true });
  });

  const below = (...names: string[]) => path.join(home, "provider", ...names);
  const model = () => path.join(home, "sprout");
  const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

  /** What a provider that is well says of itself, on the real socket. */
  async function serve(change: Partial<ProviderStatus> = {}): Promise<void> {
    await control?.close();
    const status: ProviderStatus = {
      ...{ pid: process.pid, version: "0.1.0", started_at: new Date().toISOString(), phase: "serving", rest_reasons: [] },
      ...{ paused_until: null, schedule_changes_at: null, coordinator: process.env["UMBEL_PROVIDER_COORDINATOR"] ?? "", endpoint: null },
      ...{
        connected: true,
        machine_id: "thumbprint",
        trust_level: "self_signed",
        trust_reason: null,
        program_unknown: null,
        models: ["sprout-3m-q8_0"],
      },
      ...{
        in_memory: [],
        load_failures: [],
        in_flight: 0,
        answers_wait: false,
        requests_served: 0,
        tokens_generated: 0,
        errors: 0,
        worker_restarts: 0,
      },
      ...{ reconnects: 0, sandbox: { network: "namespace", filesystem: "permission-model" }, battery_percent: null, memory: "normal" },
      ...{ posture: null, memory_troubles: [], prefix_cache_refusal: null },
      ...{ thermal: "nominal", metered: null, fetches: true, updates: null, settings: [], ...change },
    };
    control = await startControl(below(), { status: async () => status });
  }

  async function complaints(): Promise<readonly string[]> {
    const lines: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(String(text)) > 0);
    await doctor({ home, json: true });
    vi.restoreAllMocks();
    const { ok, findings } = JSON.parse(lines.join("")) as { ok: boolean; findings: readonly Finding[] };
    const found = findings.filter(({ status }) => status !== "pass");
    // A machine with little memory or disk, or plain swap, is no fault of the set-up.
    const told = found.filter(({ check }) => check !== "memory" && check !== "disk" && check !== "swap");
    expect(ok).toBe(!found.some(({ status }) => status === "fail"));
    for (const { fix } of found) expect(fix).toMatch(/\S/);
    return told.map(({ check, status, words }) => `${status} ${check}: ${words}`);
  }

  /** A program of somebody else, on any port. */
  async function stranger(at: number | string = 0): Promise<{ address(): unknown }> {
    const server = createSocket((socket) => void socket.end('{"answer":{"pid":1}}\n'));
    await new Promise<void>((resolve) => (typeof at === "number" ? server.listen(at, "127.0.0.1", resolve) : server.listen(at, resolve)));
    closing.push(() => server.close());
    return server;
  }

  it("writes a file for whoever helps, with what it has found and without whose it is", async () => {
    await mkdir(path.join(home, "logs"), { recursive: true });
    const line = { time: new Date().toISOString(), level: 30, msg: "it went on", from: "ada@example.org" };
    await writeFile(path.join(home, "logs", "provider.log"), `${JSON.stringify(line)}\n`);
    const file = path.join(home, "support.txt");
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await doctor({ home, support: file });
    vi.restoreAllMocks();
    const [head = "", ...rest] = (await readFile(file, "utf8")).trim().split("\n");
    expect(JSON.parse(head)).toMatchObject({ findings: expect.arrayContaining([expect.objectContaining({ check: "node" })]) });
    expect(rest).toHaveLength(1);
    expect(rest.join()).toContain("it went on");
    expect(rest.join()).not.toContain("ada@");
  });

  it("has nothing to say of a set-up that is well", async () => {
    expect(await complaints()).toEqual([]);
    expect(process.exitCode).toBeUndefined();
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ["no provider", async () => control?.close(), /^fail running: No provider runs/],
    [
      "a provider of another version",
      async () => [await control?.close(), await stranger(controlPath(below()))],
      /^fail running: .*of another version/,
    ],
    [
      "something else where the provider listens for commands",
      async () => [
        await control?.close(),
        await mkdir(controlPath(below()), { recursive: true }),
        await writeFile(path.join(controlPath(below()), "x"), ""),
      ],
      /^fail control: .*control\.sock is no socket/,
    ],
    [
      "a port that is taken",
      async () => vi.stubEnv("UMBEL_PROVIDER_LOCAL_ENDPOINT", `127.0.0.1:${portOf(await stranger())}`),
      /^fail endpoint: .*another program listens there/,
    ],
    [
      "an address that is another machine's",
      async () => vi.stubEnv("UMBEL_PROVIDER_LOCAL_ENDPOINT", "192.0.2.1:8000"),
      /^fail endpoint: .*no such address/,
    ],
    [
      "models that must stay and take more than they may",
      async () => [await fetchModel(), vi.stubEnv("UMBEL_PROVIDER_MODELS_DISK_GB", "0.000001")],
      /^fail disk_budget: Models in the store take [\d.]+ [kM]B, and may take [\d.]+ (?:bytes|kB): what must stay/,
    ],
    [
      "a file of settings that is none",
      async () => writeFile(path.join(home, "provider.toml"), "[backend]\nparallel = = 2\n"),
      /^fail settings: .*provider\.toml:2/,
    ],
    [
      "a setting out of its range",
      async () => writeFile(path.join(home, "provider.toml"), "[backend]\nparallel = 65\n"),
      /^fail settings: .*:2: backend\.parallel/,
    ],
    ["a key that others can read", async () => exposeKey(), /^fail device_key: Other users/],
    ["a model that is cut short", async () => cutShort(), /^fail model_files: sprout-3m-q8_0 is not whole/],
    ["a model that does not fit", async () => vi.stubEnv("UMBEL_PROVIDER_MEMORY_GB", "0.001"), /^fail model_fits: .*it may take/],
    [
      "a coordinator that is not there",
      async () => [vi.stubEnv("UMBEL_PROVIDER_COORDINATOR", "http://127.0.0.1:1"), await serve()],
      /^fail coordinator: Nothing answers at http:\/\/127\.0\.0\.1:1/,
    ],
    [
      "something else at its address",
      async () => Object.assign(answers, { health: [200, "<html>"] }),
      /^fail coordinator: .*is no coordinator/,
    ],
    ["a token that is not accepted", async () => Object.assign(answers, { list: 401 }), /^fail account: .*does not accept/],
    [
      "a clock that is wrong",
      async () => Object.assign(answers, { date: new Date(Date.now() - 600_000) }),
      /^fail clock: The clock is \d+ s fast/,
    ],
    ["a pause", async () => serve({ phase: "resting", rest_reasons: ["paused"] }), /^warn resting: .*paused/],
  ])("names the cause where there is %s", async (_, breakIt, words) => {
    await breakIt();
    const found = await complaints();
    expect(found.filter((line) => !line.startsWith("fail running: No provider"))).toEqual(
      words.source.includes("No provider") ? [] : [expect.stringMatching(words)],
    );
    expect(found).toContainEqual(expect.stringMatching(words));
  });

  /** By its owner, so that it stays. */
  async function fetchModel(): Promise<void> {
    const catalog = await startCatalogServer();
    await catalog.publish({
      id: "oak",
      version: "1",
      files: [{ path: "m.gguf", bytes: writeGguf({ metadata: smallLlama, data_bytes: 2_000 }) }],
    });
    const library = createModelLibrary({ home: below(), coordinatorUrl: catalog.url, clock: systemClock });
    await library.fetchModel("oak", { signal: new AbortController().signal, mode: "owner" });
    await catalog.close();
  }
  async function exposeKey(): Promise<void> {
    await mkdir(below("keys"), { recursive: true });
    await writeFile(below("keys", "device.pem"), "key");
    await chmod(below("keys", "device.pem"), 0o644);
  }
  async function cutShort(): Promise<void> {
    const gguf = (await readdir(model())).find((name) => name.endsWith(".gguf")) ?? "";
    await truncate(path.join(model(), gguf), 1_000);
  }
});
