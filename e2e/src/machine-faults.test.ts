import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, MODEL, runUmbel, type Script, startNetwork, type TestNetwork, umbel } from "./harness/index.js";

const JUMPING_CLOCK = pathToFileURL(path.resolve(import.meta.dirname, "harness/jumping-clock.mjs")).href;
const HOUR_ms = 3_600_000;
const ASK = { model: MODEL, messages: [{ role: "user" as const, content: "hello" }] };

describe("a machine to which things happen", () => {
  let network: TestNetwork;
  let openai: OpenAI;
  let clock: string;

  beforeAll(async () => {
    network = await startNetwork();
    ({ openai } = await network.client());
    clock = path.join(network.home, "clock");
  });
  afterAll(() => network.close());

  const homeOf = (name: string) => path.join(network.home, name);
  const run = (name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    runUmbel(["provider", ...args, "--home", homeOf(name)], env);
  function setClock(offset_ms: number): void {
    writeFileSync(`${clock}.new`, String(offset_ms));
    renameSync(`${clock}.new`, clock);
  }
  const clockEnv = () => ({ NODE_OPTIONS: `--import=${JUMPING_CLOCK}`, UMBEL_TEST_CLOCK: clock });
  const ask = async () => (await openai.chat.completions.create(ASK)).choices[0]?.message.content;

  it("survives a fault in the engine's native code: its own programs and the coordinator are answered again", async () => {
    const provider = await network.provider({ name: "native", args: ["--local-endpoint", "127.0.0.1:0"] });
    const { base_url: baseURL, api_key: apiKey } = await umbel(["provider", "local", "--json", "--home", homeOf("native")]).ready;
    const here = new OpenAI({ baseURL: String(baseURL), apiKey: String(apiKey), maxRetries: 0 });
    const stream = await here.chat.completions.create({ ...ASK, stream: true });
    const worker = execFileSync("ps", ["--ppid", String(provider.pid), "-o", "pid="], { encoding: "utf8" })
      .trim()
      .split(/\s+/)[0];
    process.kill(Number(worker), "SIGSEGV");
    const reading = (async () => {
      for await (const _ of stream);
    })();
    await reading.catch((error: unknown) => expect(error).toMatchObject({ message: expect.stringContaining("engine") }));
    expect(await eventually("the coordinator is served again", () => ask().catch(() => undefined))).not.toBe("");
    expect((await here.chat.completions.create(ASK)).choices[0]?.message.content).not.toBe("");
    expect(JSON.parse(run("native", ["status", "--json"]).stdout).provider).toMatchObject({ pid: provider.pid, worker_restarts: 1 });
    await network.stopProviders();
  });

  it("goes on without a model that found too little memory, loads it when there is some, and says so when there is none", async () => {
    const faults = [{ kind: "out_of_memory", at: "load", from: 2, times: 1 }];
    await network.provider({ name: "full", script: { answer: { kind: "text", text: "here" }, faults } });
    const inMemory = () => JSON.parse(run("full", ["status", "--json"]).stdout).provider.in_memory.length;
    expect(inMemory()).toBe(1);
    expect(await ask()).toContain("here");
    const vectors = await openai.embeddings.create({ model: "sprout-embed", input: "a leaf", encoding_format: "float" });
    expect(vectors.data).toHaveLength(1);
    expect(inMemory()).toBe(2);
    await network.stopProviders();
    const none = await umbelEnds("none", { faults: [{ kind: "out_of_memory", at: "load" }] });
    expect(none).toMatchObject({ code: 1, said: expect.stringContaining("load_failed_memory") });
  });

  async function umbelEnds(name: string, script: Script) {
    mkdirSync(homeOf(name), { recursive: true });
    const file = path.join(homeOf(name), "script.json");
    writeFileSync(file, JSON.stringify(script));
    const args = ["provider", "start", "--foreground", "--coordinator", network.url, "--engine", "scripted", "--script", file];
    const ended = umbel([...args, "--home", homeOf(name)]);
    return { code: (await ended.exited).code, said: ended.output() };
  }

  it("keeps serving when its clock jumps, and a pause ends by the clock", async () => {
    setClock(0);
    const script = path.join(network.home, "jumping.json");
    writeFileSync(script, JSON.stringify({ answer: { kind: "text", text: "on time" } }));
    const args = ["provider", "start", "--foreground", "--json", "--coordinator", network.url, "--engine", "scripted", "--script", script];
    const provider = umbel([...args, "--home", homeOf("jumping")], clockEnv());
    await provider.ready;
    const status = () => JSON.parse(run("jumping", ["status", "--json"]).stdout).provider;
    try {
      expect(await eventually("it serves", () => ask().catch(() => undefined))).toContain("on time");
      setClock(-24 * HOUR_ms);
      expect(await ask()).toContain("on time");
      setClock(0);
      expect(run("jumping", ["pause", "--for", "1h"]).status).toBe(0);
      expect(status()).toMatchObject({ phase: "resting", rest_reasons: ["paused"] });
      setClock(2 * HOUR_ms);
      await eventually("the pause is over", async () => (status().phase === "serving" ? true : undefined));
      expect(await eventually("it serves again", () => ask().catch(() => undefined))).toContain("on time");
      expect(status()).toMatchObject({ worker_restarts: 0 });
      // A clock that is set forward looks like sleep, after which a machine connects anew: that happened twice at most.
      expect(status().reconnects).toBeLessThanOrEqual(2);
    } finally {
      provider.kill("SIGKILL");
      await provider.exited;
    }
  });

  it("is told by the doctor what is wrong with it", async () => {
    const lines = (stdout: string) => stdout.split("\n").filter((line) => line.startsWith("[FAIL]"));
    const doctor = (env: NodeJS.ProcessEnv, toml = `[coordinator]\nurl = "${network.url}"\n`) => {
      mkdirSync(homeOf("sick"), { recursive: true });
      writeFileSync(path.join(homeOf("sick"), "provider.toml"), toml);
      const { status, stdout } = run("sick", ["doctor"], env);
      return { status, failed: lines(stdout).join("\n") };
    };
    const token = { UMBEL_PROVIDER_TOKEN: "umbel-pt-wrong" };
    expect(doctor(token)).toMatchObject({ status: 1, failed: expect.stringContaining("does not accept the machine's token") });
    const nobody = doctor({}, `[coordinator]\nurl = "http://127.0.0.1:1"\n`);
    expect(nobody.failed).toMatch(/Nothing answers at http:\/\/127\.0\.0\.1:1/);
    setClock(10 * 60_000);
    expect(doctor(clockEnv()).failed).toMatch(/The clock is (?:599|60\d) s fast/);
    expect(doctor({}, "[backend]\nparallel = 1000\n").failed).toMatch(/provider\.toml:2: backend\.parallel/);
    expect(doctor({}).failed).toContain("No provider runs on this machine");
  });
});
