import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runUmbel, temporaryHome, type UmbelProcess, umbel } from "./harness/umbel.js";

const FRANCE = { model: "sprout", messages: [{ role: "user" as const, content: "What is the capital of France?" }] };

describe("umbel up", () => {
  const home = temporaryHome();
  let network: UmbelProcess;
  let baseURL: string;
  let apiKey: string;
  let client: OpenAI;

  beforeAll(async () => {
    network = umbel(["up", "--json", "--port", "0", "--home", home.path]);
    const ready = await network.ready;
    baseURL = String(ready["base_url"]);
    apiKey = String(ready["api_key"]);
    client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  });

  afterAll(async () => {
    await network.stop();
    home.remove();
  });

  it("answers with the model's own words", async () => {
    const answer = await client.chat.completions.create(FRANCE);
    expect(answer.choices[0]?.message.content).toContain("Paris");
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    expect(answer.model).toBe("sprout");
    expect(answer.usage?.completion_tokens).toBeGreaterThan(0);
    expect(answer.usage?.prompt_tokens).toBeGreaterThan(0);
  });

  it("streams the same words, and usage when asked for", async () => {
    const stream = await client.chat.completions.create({ ...FRANCE, stream: true, stream_options: { include_usage: true } });
    let text = "";
    let usage: OpenAI.CompletionUsage | null | undefined;
    const roles: (string | undefined)[] = [];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (chunk.choices[0]?.delta.role) roles.push(chunk.choices[0].delta.role);
      usage = chunk.usage ?? usage;
    }
    expect(text).toContain("Paris");
    expect(roles).toEqual(["assistant"]);
    expect(usage?.total_tokens).toBeGreaterThan(0);
  });

  it("completes 16 streams at once, each with its own answer", async () => {
    const capitals = { France: "Paris", Japan: "Tokyo", Italy: "Rome", Spain: "Madrid" };
    const asked = Array.from({ length: 16 }, (_, index) => Object.entries(capitals)[index % 4] ?? ["France", "Paris"]);
    const answers = await Promise.all(
      asked.map(async ([country]) => {
        const stream = await client.chat.completions.create({
          model: "sprout",
          stream: true,
          messages: [{ role: "user", content: `What is the capital of ${country}?` }],
        });
        let text = "";
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
        return text;
      }),
    );
    asked.forEach(([, capital], index) => {
      expect(answers[index]).toContain(capital);
    });
  });

  it("calls a tool", async () => {
    const answer = await client.chat.completions.create({
      model: "sprout",
      messages: [{ role: "user", content: "What is the weather in Paris?" }],
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "Get the current weather for a city",
            parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
          },
        },
      ],
    });
    const call = answer.choices[0]?.message.tool_calls?.[0];
    expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
    expect(call?.type === "function" && call.function.name).toBe("get_weather");
    expect(call?.type === "function" && JSON.parse(call.function.arguments)).toEqual({ city: "Paris" });
  });

  it("lists the models, for answers and for vectors, with their kind and that they can be asked now", async () => {
    const models = await client.models.list();
    const sprout = models.data.find((model) => model.id === "sprout");
    expect(sprout).toMatchObject({ object: "model", context_length: 2048, metadata: { can_accept: true } });
    expect(await client.models.retrieve("sprout")).toMatchObject({ id: "sprout" });
    const vectors = models.data.find((model) => model.id === "sprout-embed");
    expect(vectors).toMatchObject({ output_modalities: ["embedding"], metadata: { model_type: "embedding", can_accept: true } });
  });

  it("takes the price from the balance, to the micro-dollar", async () => {
    const balance = async () => {
      const response = await fetch(`${baseURL}/payments/balance`, { headers: { authorization: `Bearer ${apiKey}` } });
      return (await response.json()) as { readonly balance_micro_usd: number; readonly held_micro_usd: number };
    };
    const before = await balance();
    await client.chat.completions.create(FRANCE);
    const after = await balance();
    expect(before.balance_micro_usd - after.balance_micro_usd).toBe(100);
    expect(after.held_micro_usd).toBe(0);
  });

  it("runs the examples that it prints", () => {
    const again = runUmbel(["chat", "--json", "--base-url", baseURL, "--home", home.path, "What is the capital of France?"]);
    expect(JSON.parse(again.stdout).content).toContain("Paris");
  });

  it("keeps its key over a restart and stops without leaving a process behind", async () => {
    await network.stop();
    expect((await network.exited).code).toBe(0);
    expect(processesOf(home.path)).toEqual([]);
    network = umbel(["up", "--port", "0", "--home", home.path]);
    const text = await readyText(network);
    expect(text).toMatch(/^Umbel is ready: http:\/\/127\.0\.0\.1:\d+\/v1$/m);
    expect(text).toContain(`API key: ${apiKey}`);
    baseURL = /^Umbel is ready: (.*)$/m.exec(text)?.[1] ?? "";

    const curl = section(text, "# curl", "# TypeScript");
    expect(execFileSync("bash", ["-c", `${curl} --silent --show-error`], { encoding: "utf8" })).toContain("Paris");

    const directory = mkdtempSync(path.join(import.meta.dirname, "../example-"));
    try {
      writeFileSync(path.join(directory, "example.mjs"), section(text, "# TypeScript", "# Python"));
      expect(execFileSync(process.execPath, [path.join(directory, "example.mjs")], { encoding: "utf8" })).toContain("Paris");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

/** Resolves once the text form of `up` has printed everything it prints when ready. */
async function readyText(network: UmbelProcess): Promise<string> {
  while (!network.output().includes("Ctrl-C stops everything")) {
    await Promise.race([
      new Promise((resolve) => setTimeout(resolve, 25)),
      network.exited.then(() => Promise.reject(new Error(network.output()))),
    ]);
  }
  return network.output();
}

function section(text: string, from: string, to: string): string {
  return text.slice(text.indexOf(from) + from.length, text.indexOf(to)).trim();
}

/** Command lines of living processes that mention this home. */
function processesOf(home: string): string[] {
  return execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(home));
}
