import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, MODEL, runUmbel, startNetwork, type TestNetwork } from "./harness/index.js";

describe("a provider in the background", () => {
  let network: TestNetwork;
  let openai: OpenAI;
  let pid: number;

  beforeAll(async () => {
    network = await startNetwork();
    ({ openai } = await network.client());
    const settings = `[coordinator]\nurl = "${network.url}"\n[backend]\nparallel = 2\n`;
    writeFileSync(path.join(network.home, "provider.toml"), settings);
  });
  afterAll(async () => {
    run("provider", "stop", "--now");
    await network.close();
  });

  const run = (...args: string[]) => runUmbel([...args, "--home", network.home], { UMBEL_PROVIDER_ON_BATTERY: "serve" });
  async function ask(): Promise<string | null | undefined> {
    const answer = await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hello" }] });
    return answer.choices[0]?.message.content;
  }
  const json = (...args: string[]) => JSON.parse(run(...args, "--json").stdout);

  /** Of a program on this machine. */
  async function askHere(): Promise<string | null | undefined> {
    const { base_url: baseURL, api_key: apiKey } = json("provider", "local");
    const here = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
    const answer = await here.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hello" }] });
    return answer.choices[0]?.message.content;
  }

  it("is started from its file, once, and outlives the command", async () => {
    expect(run("provider", "status")).toMatchObject({ status: 1, stdout: expect.stringContaining("umbel provider start") });
    const started = json("provider", "start", "--engine", "scripted", "--local-endpoint", "127.0.0.1:0");
    expect(started.provider).toMatchObject({ phase: "serving", connected: true, coordinator: network.url });
    pid = started.pid;
    expect(run("provider", "start")).toMatchObject({ status: 1, stderr: expect.stringContaining(`process ${pid}`) });
    expect(await ask()).not.toBe("");
    expect(await askHere()).not.toBe("");
    expect(json("provider", "status").provider.requests_served).toBe(2);
  });

  it("is paused and resumed: the coordinator sends nothing meanwhile, and the models are put away", async () => {
    expect(run("provider", "pause", "--for", "soon").status).toBe(2);
    expect(run("provider", "pause", "--for", "2h").status).toBe(0);
    await eventually("the models are put away", async () => {
      const { provider } = json("provider", "status");
      return provider.phase === "resting" && provider.in_memory.length === 0 ? true : undefined;
    });
    const refused = await ask().catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 503 });
    await expect(askHere()).rejects.toMatchObject({ status: 503, message: expect.stringContaining("umbel provider resume") });
    expect(run("provider", "status").stdout).toMatch(/takes no work: you have paused it.*\n {2}paused until 20/);
    expect(run("provider", "resume").status).toBe(0);
    await eventually("it takes requests again", () => ask().catch(() => undefined));
  });

  it("is not measured beside itself unless it must; figures are kept for the next start", () => {
    const small = ["--batch", "1,2", "--context", "128", "--decode-tokens", "8"];
    expect(run("provider", "benchmark", ...small)).toMatchObject({ status: 1, stderr: expect.stringContaining("umbel provider stop") });
    const page = path.join(network.home, "benchmark.html");
    const report = json("provider", "benchmark", "--force", "--html", page, ...small);
    expect(report.decode.map(({ batch }: { batch: number }) => batch)).toEqual([1, 2]);
    expect(report).toMatchObject({ model: expect.stringContaining(MODEL), decode_tps: report.decode[0].tokens_per_second });
    expect(readFileSync(page, "utf8")).toContain("<svg");
    const kept = JSON.parse(readFileSync(path.join(network.home, "provider", "benchmarks.json"), "utf8"));
    expect(kept.builds[report.model]).toMatchObject({ decode_tps: report.decode_tps });
  });

  it("tells what it has logged, where its settings come from, and stops", () => {
    const logged = run("provider", "logs", "-n", "100").stdout;
    expect(logged).toMatch(/info {2}registered with the coordinator/);
    expect(
      run("provider", "logs", "-n", "1", "--json")
        .stdout.trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toHaveLength(1);
    expect(json("provider", "status").settings).toContainEqual({ key: "backend.parallel", value: 2, source: "file" });
    expect(json("provider", "stop")).toEqual({ stopped: true, pid });
    expect(run("provider", "stop").status).toBe(1);
    expect(run("provider", "pause").status).toBe(1);
  });
});
