import { request } from "node:http";
import path from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryHome, type UmbelProcess, umbel } from "./harness/umbel.js";

const FRANCE = { model: "sprout", messages: [{ role: "user" as const, content: "What is the capital of France?" }] };

describe("umbel provider start --local", () => {
  const home = temporaryHome();
  let endpoint: UmbelProcess;
  let baseURL: string;
  let apiKey: string;
  let openai: OpenAI;
  let anthropic: Anthropic;

  beforeAll(async () => {
    endpoint = umbel(["provider", "start", "--local", "--json", "--port", "0", "--home", home.path]);
    const record = await endpoint.ready;
    baseURL = String(record["base_url"]);
    apiKey = String(record["api_key"]);
    openai = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
    anthropic = new Anthropic({ baseURL: baseURL.replace(/\/v1$/, ""), apiKey, maxRetries: 0 });
  });

  afterAll(async () => {
    await endpoint.stop();
    home.remove();
  });

  it("answers OpenAI's client: chat, stream, response, completion, vectors, models", async () => {
    const chat = await openai.chat.completions.create(FRANCE);
    expect(chat.choices[0]?.message.content).toContain("Paris");
    expect(chat.model).toBe("sprout");
    let text = "";
    for await (const chunk of await openai.chat.completions.create({ ...FRANCE, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
    }
    expect(text).toBe(chat.choices[0]?.message.content);
    const response = await openai.responses.create({ model: "sprout", input: "What is the capital of France?" });
    expect(response.output_text).toBe(text);
    expect(await openai.responses.retrieve(response.id)).toMatchObject({ id: response.id, status: "completed", output: response.output });
    expect(await openai.responses.cancel(response.id)).toMatchObject({ status: "completed" });
    await openai.responses.delete(response.id);
    await expect(openai.responses.retrieve(response.id)).rejects.toMatchObject({ status: 404, code: "not_found" });
    const unkept = await openai.responses.create({ model: "sprout", input: "Hello.", store: false, max_output_tokens: 2 });
    await expect(openai.responses.retrieve(unkept.id)).rejects.toMatchObject({ status: 404 });
    const batch = await openai.post<unknown>("/chat/completions/batch", { body: [FRANCE, { model: "none", messages: FRANCE.messages }] });
    expect(batch).toMatchObject([{ choices: [{ message: { content: text } }] }, { error: { code: "model_not_found" } }]);
    await expect(openai.post("/chat/completions/batch", { body: [] })).rejects.toMatchObject({ status: 400 });
    const completion = await openai.completions.create({ model: "sprout-3m-q8_0", prompt: "The capital of", max_tokens: 4 });
    expect(completion.usage?.completion_tokens).toBeGreaterThan(0);
    const vectors = await openai.embeddings.create({ model: "sprout-embed", input: ["one", "two"] });
    expect(vectors.data).toHaveLength(2);
    const models = await openai.models.list();
    expect(models.data.map(({ id }) => id).sort()).toEqual(["sprout", "sprout-embed"]);
  });

  it("answers Anthropic's client: message, stream, length of a prompt, models", async () => {
    const message = await anthropic.messages.create({ ...FRANCE, max_tokens: 64 });
    expect(message.content[0]).toMatchObject({ type: "text", text: expect.stringContaining("Paris") });
    const streamed = await anthropic.messages.stream({ ...FRANCE, max_tokens: 64 }).finalText();
    expect(streamed).toContain("Paris");
    expect((await anthropic.messages.countTokens(FRANCE)).input_tokens).toBeGreaterThan(0);
    expect((await anthropic.models.list()).data.map(({ id }) => id)).toContain("sprout");
  });

  it("refuses in the caller's dialect: no key, no such model, a prompt that is too long", async () => {
    const stranger = new OpenAI({ baseURL, apiKey: "umbel-local-wrong", maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, code: "authentication_error" });
    await expect(openai.chat.completions.create({ ...FRANCE, model: "oak" })).rejects.toMatchObject({ status: 404, param: "model" });
    const content = "The weather is fine today. ".repeat(2_000);
    const long = { model: "sprout", messages: [{ role: "user" as const, content }], max_tokens: 64 };
    await expect(openai.chat.completions.create(long)).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
    await expect(anthropic.messages.create(long)).rejects.toMatchObject({
      status: 400,
      error: { type: "error", error: { type: "invalid_request_error" } },
    });
  });

  it("is not known by another's name, and not open to web pages", async () => {
    const status = (headers: Record<string, string>) =>
      new Promise((resolve, reject) => {
        request(`${baseURL}/models`, { headers: { authorization: `Bearer ${apiKey}`, ...headers } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on("error", reject)
          .end();
      });
    expect(await status({ host: "evil.example" })).toBe(403);
    expect(await status({ origin: "https://evil.example" })).toBe(403);
    expect(await status({ host: "localhost" })).toBe(200);
  });

  it("is alone on its home, and listens to its owner: status, pause, resume, logs, stop", async () => {
    const command = async (...args: string[]) => {
      const ran = umbel(["provider", ...args, "--home", home.path]);
      return { code: (await ran.exited).code, said: ran.output() };
    };
    const second = await command("start", "--local", "--port", "0");
    expect(second).toMatchObject({
      code: 1,
      said: expect.stringContaining(`already runs on ${path.join(home.path, "provider")} (process`),
    });
    const status = await umbel(["provider", "status", "--json", "--home", home.path]).ready;
    expect(status["provider"]).toMatchObject({ pid: endpoint.pid, phase: "serving", coordinator: null, endpoint: baseURL });
    expect((await command("pause")).code).toBe(0);
    await expect(openai.chat.completions.create(FRANCE)).rejects.toMatchObject({ status: 503 });
    expect((await command("resume")).code).toBe(0);
    expect((await openai.chat.completions.create(FRANCE)).choices[0]?.message.content).toContain("Paris");
    expect((await command("logs")).said).toMatch(/the endpoint is paused|the provider is paused/);
    expect(await command("stop")).toMatchObject({ code: 0, said: expect.stringContaining(`process ${endpoint.pid}`) });
    expect((await endpoint.exited).code).toBe(0);
  });

  it("is found while it runs, in the background too, and is gone when it has stopped", async () => {
    const started = await umbel([
      "provider",
      "start",
      "--local",
      "--background",
      "--engine",
      "scripted",
      "--json",
      "--port",
      "0",
      "--home",
      home.path,
    ]).ready;
    expect(started["provider"]).toMatchObject({ phase: "serving", coordinator: null });
    const found = await umbel(["provider", "local", "--json", "--home", home.path]).ready;
    expect(found).toMatchObject({ api_key: apiKey, pid: started["pid"] });
    await umbel(["provider", "stop", "--home", home.path]).exited;
    const after = umbel(["provider", "local", "--home", home.path]);
    expect((await after.exited).code).toBe(1);
  });
});
