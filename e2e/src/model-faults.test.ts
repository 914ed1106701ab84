import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import path from "node:path";
import { smallLlama, writeGguf } from "@umbel/provider/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCuttingProxy } from "./harness/cutting-proxy.js";
import { eventually, freePort, MODEL, runUmbel, startNetwork, type TestNetwork, UMBEL, umbel } from "./harness/index.js";

const SPROUT = path.resolve(import.meta.dirname, "../../models/sprout");
const ANSWER_tokens = 100_000;
/** Of a long context, so that an answer can be longer than all that lies between a machine and its consumer. */
const MOSS = writeGguf({ metadata: { ...smallLlama, "llama.context_length": { type: 4, value: 2 ** 17 } }, data_bytes: 6_000_000 });
const PUBLISHED = ["--promote", "--input-price", "0.1", "--output-price", "0.2", "--max-output", String(ANSWER_tokens)];
const hasNamespaces = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;

describe("models on their way, and what goes wrong with them", () => {
  let network: TestNetwork;
  let moss: string;
  let metricsUrl: string;

  beforeAll(async () => {
    const metrics = `127.0.0.1:${await freePort()}`;
    metricsUrl = `http://${metrics}/metrics`;
    network = await startNetwork({ UMBEL_METRICS_LISTEN: metrics });
    moss = path.join(network.home, "moss.gguf");
    writeFileSync(moss, MOSS);
  });
  afterAll(() => network.close());

  const operator = (...args: string[]) => umbel([...args, "--json", "--base-url", `${network.url}/v1`, "--home", network.home]);
  const publishMoss = () => operator("models", "publish", moss, ...PUBLISHED);
  const run = (...args: string[]) => runUmbel(args);
  const download = (home: string, coordinator: string, ...more: string[]) =>
    umbel(["models", "download", "moss", "--json", "--coordinator", coordinator, "--home", home, ...more]);
  const listed = (home: string): string[] => {
    const { data } = JSON.parse(run("models", "list", "--json", "--home", home).stdout);
    return data.map(({ id }: { id: string }) => id);
  };
  /** Files below a folder, by their path in it. */
  function filesIn(folder: string): string[] {
    try {
      return readdirSync(folder, { recursive: true, encoding: "utf8" });
    } catch {
      return [];
    }
  }

  it("publishing that was killed is whole when it is done again", async () => {
    for (const after_ms of [250, 500]) {
      const publishing = publishMoss();
      await new Promise((resolve) => setTimeout(resolve, after_ms));
      publishing.kill("SIGKILL");
      await publishing.exited;
    }
    expect(await publishMoss().ready).toMatchObject({ model: "moss", active: true });
  });

  it("a download that is cut, killed, and has a byte spoilt meanwhile ends whole, and is not there before", async () => {
    const home = path.join(network.home, "machine");
    const staging = path.join(home, "provider", "models", ".staging");
    const random = () => Math.floor(Math.random() * 1_500_000) + 200_000;
    const cuts = [random(), random(), random()];
    const proxy = await startCuttingProxy(network.url, cuts);
    const first = download(home, proxy.url, "--max-mbps", "16");
    const part = await eventually("a third has come", async () => {
      const file = filesIn(staging).find((name) => name.endsWith(".part.journal"));
      const lines = file === undefined ? 0 : readFileSync(path.join(staging, file), "utf8").split("\n").length;
      return file !== undefined && lines > 3 ? path.join(staging, file.replace(/\.journal$/, "")) : undefined;
    });
    first.kill("SIGKILL");
    await first.exited;
    expect(listed(home)).toEqual([]);
    const spoilt = openSync(part, "r+");
    writeSync(spoilt, Buffer.from([0xff, 0x00, 0xff]), 0, 3, 500_000);
    const { models } = (await download(home, proxy.url).ready) as { models: { id: string }[] };
    expect(models).toMatchObject([{ id: "moss" }]);
    expect(proxy.cuts, `cuts at ${cuts}`).toBeGreaterThan(0);
    await proxy.close();
    const kept = filesIn(path.join(home, "provider", "models")).find((name) => name.endsWith(".gguf")) ?? "";
    const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(sha256(readFileSync(path.join(home, "provider", "models", kept)))).toBe(sha256(MOSS));
    expect(listed(home)).toEqual(["moss"]);
  });

  it("an answer whose consumer does not read waits in its machine, and comes whole once it is read", async () => {
    await network.provider({ name: "machine", script: { answerTokens: ANSWER_tokens, tokens_per_s: 40_000 } });
    const { apiKey } = await network.client();
    const asking = request(`${network.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    });
    const messages = [{ role: "user", content: "tell me everything" }];
    asking.end(JSON.stringify({ model: "moss", messages, stream: true, stream_options: { include_usage: true } }));
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    await eventually("the machine is told to let it wait", async () =>
      /^umbel_fleet_events_total{type="attempt_held",detail=""} [1-9]/m.test(await (await fetch(metricsUrl)).text()) ? true : undefined,
    );
    let whole = "";
    for await (const part of answer.setEncoding("utf8")) whole += part;
    expect(whole).toContain(`"completion_tokens":${ANSWER_tokens}`);
    expect(whole.trimEnd().endsWith("data: [DONE]")).toBe(true);
    await network.stopProviders();
  });

  it("a download that is killed at any time leaves nothing or everything", async () => {
    const home = path.join(network.home, "killed");
    for (const after_ms of [400, 700, 900]) {
      const fetching = download(home, network.url);
      await new Promise((resolve) => setTimeout(resolve, after_ms * (0.8 + Math.random() * 0.4)));
      fetching.kill("SIGKILL");
      await fetching.exited;
    }
    const [before, after] = [listed(home), await download(home, network.url).ready];
    expect([[], ["moss"]]).toContainEqual(before);
    expect(after["models"]).toMatchObject([{ id: "moss" }]);
  });

  it.skipIf(!hasNamespaces)("a disk without room says so, and keeps nothing half", () => {
    const home = path.join(network.home, "full");
    mkdirSync(home);
    const script = `mount -t tmpfs -o size=8m tmpfs "$1" && shift && exec "$@"`;
    const command = [process.execPath, UMBEL, "models", "download", "moss", "--coordinator", network.url, "--home", home];
    const { status, stderr } = spawnSync("unshare", ["-rm", "sh", "-c", script, "sh", home, ...command], { encoding: "utf8" });
    expect(stderr).toMatch(/room|space/);
    expect(stderr).toContain("umbel models remove");
    expect(status).toBe(6);
  });

  it("a file that is no model is refused by name", () => {
    const broken = path.join(network.home, "broken.gguf");
    writeFileSync(broken, MOSS.subarray(0, 100));
    const { status, stderr } = run("models", "download", broken, "--home", path.join(network.home, "other"));
    expect(status).toBe(7);
    expect(stderr).toContain("broken.gguf");
  });

  it("a spoilt model is left out by name, and the others are served", async () => {
    const name = "spoilt";
    const home = path.join(network.home, name);
    await download(home, network.url).ready;
    const models = path.join(home, "provider", "models");
    const file = path.join(models, filesIn(models).find((found) => found.endsWith(".gguf")) ?? "");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    const { mode } = statSync(file);
    writeFileSync(file, bytes, { mode });
    const provider = await network.provider({ name });
    expect((await provider.ready)["load_failures"]).toMatchObject([{ build: "moss", code: "load_failed_artifact" }]);
    const { openai } = await network.client();
    const answer = await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hello" }], max_tokens: 4 });
    expect(answer.choices[0]?.message.content).not.toBe("");
    const diagnosis = run("provider", "verify", "--home", home).stdout;
    expect(diagnosis).toMatch(/\[FAIL\].*moss/);
    await network.stopProviders();
  });

  it("a name that moves is followed: machines fetch the new build, offer it, and requests go there", async () => {
    const provider = await network.provider({ name: "follower", script: { answer: { kind: "text", text: "still here" } } });
    expect((await provider.ready)["models"]).not.toContain("sprout-next");
    await operator("models", "publish", SPROUT, "--id", "sprout-next", "--promote").ready;
    await operator("models", "alias", MODEL, "--desired", "sprout-next", "--share", "100", "--wave", "100").ready;
    const { openai } = await network.client();
    await eventually("a machine could serve the new build", async () => {
      const { data } = (await operator("models", "rollouts").ready) as { data: { id: string; desired: { routable: number } }[] };
      return data.find(({ id }) => id === MODEL)?.desired.routable === 1 ? true : undefined;
    });
    await operator("models", "alias", MODEL, "--finish").ready;
    const home = path.join(network.home, "follower");
    await eventually("the machine offers the new build in the place of the old one", async () => {
      const { provider: found } = (await umbel(["provider", "status", "--json", "--home", home]).ready) as {
        provider: { models: string[] };
      };
      return found.models.includes("sprout-next") && !found.models.includes("sprout-3m-q8_0") ? true : undefined;
    });
    const answer = await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hello" }] });
    expect(answer.choices[0]?.message.content).toContain("still here");
  });
});
