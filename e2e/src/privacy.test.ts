import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { createUmbelFetch } from "@umbel/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, MODEL, type RecordingProxy, runUmbel, startNetwork, startRecordingProxy, type TestNetwork } from "./harness/index.js";

/** Shortest run of prompt or completion bytes that must not be seen; shorter ones occur by chance in any ciphertext. */
const RUN_BYTES = 8;

/** Requests that go to a provider; one is answered twice. */
const ANSWERED = 8;

describe("privacy", () => {
  let network: TestNetwork;
  let proxy: RecordingProxy;
  let apiKey: string;
  let metricsUrl: string;
  let reportId: string;
  const inPrompt = `canary-${randomBytes(12).toString("hex")}`;
  /** The ledger of refusals keeps what can be a model's name, so that operators see what is asked for in vain; this cannot be one. */
  const notAModel = `keep ${inPrompt}`;
  const outputs: string[] = [];

  beforeAll(async () => {
    metricsUrl = `http://127.0.0.1:${await freePort()}`;
    const told = { UMBEL_PROVIDER_TELEMETRY: "true" };
    network = await startNetwork({ UMBEL_LOG_LEVEL: "trace", UMBEL_METRICS_LISTEN: new URL(metricsUrl).host, ...told });
    proxy = await startRecordingProxy(network.url);
    const client = await network.client();
    apiKey = client.apiKey;
    // Echo: the completion holds the marker too.
    const provider = await network.provider({
      through: proxy.url,
      name: "machine",
      args: ["--log-file", path.join(network.home, "machine", "logs", "provider.log")],
      script: { answer: { kind: "echo" }, answerTokens: 64, tokens_per_s: 200 },
    });
    const messages = [
      { role: "system" as const, content: `system ${inPrompt}` },
      { role: "user" as const, content: `please keep ${inPrompt} to yourself` },
    ];
    const tools = [
      { type: "function" as const, function: { name: "note", description: inPrompt, parameters: { type: "object", properties: {} } } },
    ];
    const answer = await client.openai.chat.completions.create({ model: MODEL, messages, tools });
    expect(answer.choices[0]?.message.content).toContain(inPrompt);
    const stream = await client.openai.chat.completions.create({ model: MODEL, messages, stream: true });
    let streamed = "";
    for await (const chunk of stream) streamed += chunk.choices[0]?.delta.content ?? "";
    expect(streamed).toContain(inPrompt);
    // Echoed by every other surface, too.
    const { openai } = client;
    const anthropic = new Anthropic({ baseURL: network.url, apiKey, maxRetries: 0 });
    const said = `please keep ${inPrompt} to yourself`;
    const response = await openai.responses.create({ model: MODEL, input: said, instructions: inPrompt, metadata: { note: inPrompt } });
    expect(response.output_text).toContain(inPrompt);
    const completion = await openai.completions.create({ model: MODEL, prompt: said, user: inPrompt });
    expect(completion.choices[0]?.text).toContain(inPrompt);
    const asked = { model: MODEL, max_tokens: 64, system: inPrompt, messages: [{ role: "user" as const, content: said }] };
    expect(JSON.stringify(await anthropic.messages.create(asked))).toContain(inPrompt);
    await anthropic.messages.countTokens({ model: asked.model, messages: asked.messages });
    await openai.embeddings.create({ model: "sprout-embed", input: said });
    const idempotencyKey = { headers: { "Idempotency-Key": inPrompt } };
    await openai.chat.completions.create({ model: MODEL, messages, prompt_cache_key: inPrompt }, idempotencyKey);
    await openai.chat.completions.create({ model: MODEL, messages, prompt_cache_key: inPrompt }, idempotencyKey);
    const sealed = new OpenAI({ baseURL: `${network.url}/v1`, apiKey, fetch: createUmbelFetch({ mode: "sealed" }), maxRetries: 0 });
    const underSeal = await sealed.chat.completions.create({ model: MODEL, messages });
    expect(underSeal.choices[0]?.message.content).toContain(inPrompt);
    await sealed.chat.completions.create({ model: notAModel, messages }).catch(() => undefined);
    // Refusals see the prompt too.
    await client.openai.chat.completions.create({ model: MODEL, messages, temperature: 9 }).catch(() => undefined);
    await openai.chat.completions.create({ model: notAModel, messages }).catch(() => undefined);
    const schema = { type: "object", properties: { [inPrompt]: { pattern: inPrompt } } };
    const strict = { type: "json_schema" as const, json_schema: { name: "n", strict: true, schema } };
    await openai.chat.completions.create({ model: MODEL, messages, response_format: strict }).catch(() => undefined);
    await openai.responses.create({ model: MODEL, input: said, previous_response_id: inPrompt }).catch(() => undefined);
    await anthropic.messages.create({ ...asked, model: notAModel }).catch(() => undefined);
    await network.settledBalance(apiKey);
    // Whoever may tell of troubles tells of this, if they can.
    const hostile = { message: inPrompt, version: inPrompt, session_id: inPrompt, fields: { reason: inPrompt, model: said }, stack: said };
    const events = [hostile, { ...hostile, id: inPrompt, message: "worker_ended", fields: { prompt: inPrompt, error: said } }];
    const answered = await fetch(`${network.url}/v1/telemetry/events`, { method: "POST", body: JSON.stringify({ events }) });
    expect(await answered.json()).toEqual({ accepted: 1, rejected: 1 });
    const { stdout } = runUmbel(["keys", "create", "--provider", "--account", "alice", "--json", "--home", network.home]);
    const { provider_token: token } = JSON.parse(stdout) as { readonly provider_token: string };
    const machine = ["--coordinator", network.url, "--home", path.join(network.home, "machine")];
    const sent = runUmbel(["provider", "report", "--token", token, "--json", ...machine]);
    expect(sent).toMatchObject({ status: 0 });
    reportId = (JSON.parse(sent.stdout) as { readonly id: string }).id;
    // It tells what it has to tell before it ends.
    await provider.stop();
    outputs.push(network.coordinator.output(), provider.output());
  });
  afterAll(async () => {
    await proxy.close();
    await network.close();
  });

  it("frames between coordinator and provider hold no run of prompt or completion", () => {
    const plain = [`please keep ${inPrompt} to yourself`, `system ${inPrompt}`];
    const seen = Buffer.concat(proxy.messages.map((message) => message.bytes));
    expect(proxy.messages.filter((message) => message.binary && message.from === "provider").length).toBeGreaterThan(2);
    expect(proxy.messages.filter((message) => message.binary && message.from === "coordinator").length).toBe(ANSWERED);
    for (const text of plain) {
      for (let start = 0; start + RUN_BYTES <= text.length; start += 1) {
        expect(seen.includes(text.slice(start, start + RUN_BYTES)), text.slice(start, start + RUN_BYTES)).toBe(false);
      }
    }
  });

  it.each([
    ["as it is", (text: string) => text],
    ["in base64", (text: string) => Buffer.from(text).toString("base64").slice(2, -4)],
    ["in hex", (text: string) => Buffer.from(text).toString("hex")],
  ])("the marker is nowhere %s: not in logs, tables, metrics or files", async (_, encode) => {
    const needle = encode(inPrompt);
    for (const output of outputs) expect(output).not.toContain(needle);
    expect(filesWith(network.home, needle)).toEqual([]);
    const adminKey = readFileSync(path.join(network.home, "admin-key"), "utf8").trim();
    const decisions = await fetch(`${network.url}/v1/admin/decisions/export`, { headers: { authorization: `Bearer ${adminKey}` } });
    const rows = await decisions.text();
    expect(rows.split("\r\n").length).toBeGreaterThan(ANSWERED);
    expect(rows).not.toContain(needle);
    const metrics = await fetch(`${metricsUrl}/metrics`);
    expect(await metrics.text()).not.toContain(needle);
    const asked = async (place: string) =>
      (await fetch(`${network.url}/v1/admin/${place}`, { headers: { authorization: `Bearer ${adminKey}` } })).text();
    const told = await asked("telemetry");
    for (const message of ["provider_started", "provider_stopped", "worker_ended"]) expect(told).toContain(message);
    expect(told).not.toContain(needle);
    const report = await asked(`log-reports/${reportId}`);
    expect(report).toContain("registered with the coordinator");
    expect(report).not.toContain(needle);
  });

  it("neither is the secret of the API key", () => {
    for (const output of outputs) expect(output).not.toContain(apiKey);
    expect(filesWith(network.home, apiKey)).toEqual([]);
  });
});

/** Files below a directory, the database's own included, that hold the text. */
function filesWith(directory: string, text: string): string[] {
  try {
    return execFileSync("grep", ["-rlaF", "--", text, directory], { encoding: "utf8" }).trim().split("\n");
  } catch (error) {
    if (error instanceof Error && "status" in error && error.status === 1) return [];
    throw error;
  }
}
