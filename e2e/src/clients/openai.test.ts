import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startUp, type UpNetwork } from "../harness/index.js";

const model = "sprout";
const france = [{ role: "user" as const, content: "What is the capital of France?" }];
const adaInJson = "Reply in JSON with keys name and age: Ada is 36 years old.";
const person = z.object({ name: z.string(), age: z.number().int() });
const cityOnly = z.object({ city: z.string() });

/** Nothing here knows of Umbel but the address and the key. */
describe("the official openai client", () => {
  let network: UpNetwork;
  let client: OpenAI;

  beforeAll(async () => {
    network = await startUp();
    client = new OpenAI({ baseURL: network.baseURL, apiKey: network.apiKey, maxRetries: 0 });
  });
  afterAll(() => network.close());

  describe("chat completions", () => {
    it("puts a stream together with its helper", async () => {
      const stream = client.chat.completions.stream({ model, messages: france });
      const deltas: string[] = [];
      stream.on("content", (delta) => deltas.push(delta));
      const completion = await stream.finalChatCompletion();
      expect(completion.choices[0]?.message.content).toContain("Paris");
      expect(deltas.join("")).toBe(completion.choices[0]?.message.content);
    });

    it("runs a tool and lets the model tell its result", async () => {
      const asked: unknown[] = [];
      const runner = client.chat.completions.runTools({
        model,
        messages: [{ role: "user", content: "What is the weather in Paris?" }],
        tools: [
          zodFunction({
            name: "get_weather",
            description: "Get the current weather for a city",
            parameters: cityOnly,
            function: (input) => {
              asked.push(input);
              return JSON.stringify({ temperature: 18, condition: "sunny" });
            },
          }),
        ],
      });
      const said = await runner.finalContent();
      expect(asked).toEqual([{ city: "Paris" }]);
      expect(said).toMatch(/18.*|sunny/);
    });

    it("parses a structured answer by its zod schema", async () => {
      const completion = await client.chat.completions.parse({
        model,
        messages: [{ role: "user", content: adaInJson }],
        response_format: zodResponseFormat(person, "person"),
      });
      expect(completion.choices[0]?.message.parsed).toEqual({ name: "Ada", age: 36 });
    });

    it("gets a JSON object where one is asked for", async () => {
      const messages = [{ role: "user" as const, content: adaInJson }];
      const completion = await client.chat.completions.create({ model, messages, response_format: { type: "json_object" } });
      expect(JSON.parse(completion.choices[0]?.message.content ?? "")).toEqual({ name: "Ada", age: 36 });
    });

    it("gets as many answers as it asks for, with one usage", async () => {
      const one = await client.chat.completions.create({ model, messages: france, temperature: 0 });
      const completion = await client.chat.completions.create({ model, messages: france, temperature: 0, n: 3 });
      expect(completion.choices.map(({ index, message }) => [index, message.content])).toEqual(
        [0, 1, 2].map((index) => [index, one.choices[0]?.message.content]),
      );
      expect(completion.usage?.completion_tokens).toBe(3 * (one.usage?.completion_tokens ?? 0));
      expect(completion.usage?.prompt_tokens).toBe(one.usage?.prompt_tokens);
    });

    it("calls the tool that it must, or none", async () => {
      const tools = [
        {
          type: "function" as const,
          function: { name: "look_up", parameters: { type: "object", properties: { city: { type: "string" } } } },
        },
      ];
      const create = (tool_choice: OpenAI.ChatCompletionToolChoiceOption) =>
        client.chat.completions.create({ model, messages: france, tools, tool_choice, max_tokens: 200 });
      const named = await create({ type: "function", function: { name: "look_up" } });
      expect(named.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { tool_calls: [{ function: { name: "look_up" } }] } });
      const required = await create("required");
      expect(required.choices[0]?.message.tool_calls?.length).toBeGreaterThan(0);
      const none = await create("none");
      expect(none.choices[0]?.message).toMatchObject({ content: expect.stringContaining("Paris") });
      expect(none.choices[0]?.message.tool_calls).toBeUndefined();
    });

    it("gets reasoning apart from the answer", async () => {
      const messages = [
        { role: "system" as const, content: "/think" },
        { role: "user" as const, content: "What is the capital of Peru?" },
      ];
      const { choices, usage } = await client.chat.completions.create({ model, messages, temperature: 0 });
      const message: { readonly reasoning_content?: string } & OpenAI.ChatCompletionMessage = choices[0]?.message ?? never();
      expect(message.content).toContain("Lima");
      expect(message.content).not.toContain("think>");
      expect(message.reasoning_content?.length).toBeGreaterThan(5);
      expect(usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0);
    });

    it("reads log-probabilities of every token", async () => {
      const asked = { model, messages: france, temperature: 0, logprobs: true, top_logprobs: 3 };
      const { choices, usage } = await client.chat.completions.create(asked);
      const tokens = choices[0]?.logprobs?.content ?? [];
      expect(tokens.map(({ token }) => token).join("")).toContain("Paris");
      expect(tokens.length).toBeGreaterThanOrEqual((usage?.completion_tokens ?? 0) - 1);
      expect(tokens.every(({ top_logprobs, logprob }) => top_logprobs.length === 3 && logprob <= 0)).toBe(true);
    });

    it("stops at a string that lies across tokens, and at the most tokens", async () => {
      const stopped = await client.chat.completions.create({ model, messages: france, temperature: 0, stop: "tal of Fr" });
      expect(stopped.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "The capi" } });
      const bounded = await client.chat.completions.create({ model, messages: france, temperature: 0, max_completion_tokens: 3 });
      expect(bounded.choices[0]?.finish_reason).toBe("length");
      expect(bounded.usage?.completion_tokens).toBe(3);
    });

    it("reads in the usage how much of a prompt was remembered", async () => {
      const messages = [
        { role: "user" as const, content: `${"The fox sleeps under the old tree. ".repeat(20)}What is the capital of France?` },
      ];
      const ask = async () => (await client.chat.completions.create({ model, messages, max_tokens: 4 })).usage;
      const first = await ask();
      const again = await ask();
      expect(again?.prompt_tokens).toBe(first?.prompt_tokens);
      expect(again?.prompt_tokens_details?.cached_tokens).toBeGreaterThan((first?.prompt_tokens_details?.cached_tokens ?? 0) + 40);
    });

    it("draws the same answer with the same seed", async () => {
      const tell = async (seed: number) => {
        const messages = [{ role: "user" as const, content: "Tell me a story." }];
        const { choices } = await client.chat.completions.create({ model, messages, seed, temperature: 1.5, max_tokens: 40 });
        return choices[0]?.message.content;
      };
      const first = await tell(7);
      expect(await tell(7)).toBe(first);
      expect(new Set([first, await tell(8), await tell(9)]).size).toBeGreaterThan(1);
    });
  });

  describe("responses", () => {
    const input = "What is the capital of France?";

    it("gets a response and its text", async () => {
      const response = await client.responses.create({ model, input });
      expect(response).toMatchObject({ object: "response", status: "completed", model, store: false, error: null });
      expect(response.output_text).toContain("Paris");
      expect(response.usage?.output_tokens).toBeGreaterThan(0);
    });

    it("follows instructions and a conversation", async () => {
      const instructed = await client.responses.create({ model, input, instructions: "You must answer with one word only." });
      expect(instructed.output_text).toMatch(/^Paris\.?$/);
      const remembered = await client.responses.create({
        model,
        input: [
          { role: "user", content: "Hi! My name is Ada." },
          { role: "assistant", content: "Nice to meet you, Ada!" },
          { role: "user", content: [{ type: "input_text", text: "What is my name?" }] },
        ],
      });
      expect(remembered.output_text).toContain("Ada");
    });

    it("puts a stream together with its helper, in the order of its numbers", async () => {
      const stream = client.responses.stream({ model, input });
      const numbers: number[] = [];
      let text = "";
      stream.on("event", (event) => numbers.push(event.sequence_number));
      stream.on("response.output_text.delta", ({ delta }) => {
        text += delta;
      });
      const response = await stream.finalResponse();
      expect(text).toContain("Paris");
      expect(response.output_text).toBe(text);
      expect(numbers).toEqual(numbers.map((_, index) => index));
    });

    it("calls a function and goes on with what it found", async () => {
      const tools = [
        zodResponsesFunction({ name: "get_weather", description: "Get the current weather for a city", parameters: cityOnly }),
      ];
      const asked = [{ role: "user" as const, content: "What is the weather in Paris?" }];
      const called = await client.responses.parse({ model, input: asked, tools });
      const call = called.output.find((item) => item.type === "function_call");
      expect(call?.parsed_arguments).toEqual({ city: "Paris" });
      const answer = await client.responses.create({
        model,
        tools,
        input: [
          ...asked,
          { type: "function_call", call_id: call?.call_id ?? "", name: "get_weather", arguments: call?.arguments ?? "" },
          { type: "function_call_output", call_id: call?.call_id ?? "", output: '{"temperature": 18, "condition": "sunny"}' },
        ],
      });
      expect(answer.output_text).toMatch(/18|sunny/);
    });

    it("streams a function's arguments as they are written", async () => {
      const tools = [zodResponsesFunction({ name: "look_up", parameters: cityOnly })];
      const stream = client.responses.stream({ model, input, tools, tool_choice: "required", parallel_tool_calls: false });
      const fragments: string[] = [];
      stream.on("response.function_call_arguments.delta", ({ delta }) => fragments.push(delta));
      const { output } = await stream.finalResponse();
      expect(fragments.length).toBeGreaterThan(1);
      expect(output).toMatchObject([{ type: "function_call", name: "look_up", arguments: fragments.join("") }]);
    });

    it("parses a structured answer by its zod schema", async () => {
      const response = await client.responses.parse({ model, input: adaInJson, text: { format: zodTextFormat(person, "person") } });
      expect(response.output_parsed).toEqual({ name: "Ada", age: 36 });
    });

    it("tells reasoning apart, and why an answer is not complete", async () => {
      const asked = { model, instructions: "/think", input: "What is the capital of Peru?" };
      const { output, output_text } = await client.responses.create(asked);
      expect(output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
      expect(output_text).toContain("Lima");
      const cut = await client.responses.create({ model, input, max_output_tokens: 3 });
      expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
    });

    it("counts the tokens of an input", async () => {
      const counted = await client.responses.inputTokens.count({ model, input, instructions: "Be brief." });
      expect(counted).toEqual({ object: "response.input_tokens", input_tokens: expect.any(Number) });
      const shorter = await client.responses.inputTokens.count({ model, input });
      expect(counted.input_tokens).toBeGreaterThan(shorter.input_tokens);
    });

    it("is told that nothing is kept between requests", async () => {
      const refused = client.responses.create({ model, input, previous_response_id: "resp_1" });
      await expect(refused).rejects.toMatchObject({ status: 400, param: "previous_response_id" });
    });
  });

  describe("completions", () => {
    const prompt = "Once upon a time";

    it("goes on with a text", async () => {
      const completion = await client.completions.create({ model, prompt, max_tokens: 8, temperature: 0, echo: true });
      expect(completion.choices[0]?.text.startsWith(prompt)).toBe(true);
      expect(completion.choices[0]?.finish_reason).toBe("length");
      expect(completion.usage).toMatchObject({ completion_tokens: 8 });
    });

    it("streams the same text, with log-probabilities", async () => {
      const whole = await client.completions.create({ model, prompt, max_tokens: 8, temperature: 0 });
      const stream = await client.completions.create({ model, prompt, max_tokens: 8, temperature: 0, logprobs: 2, stream: true });
      let text = "";
      const tokens: string[] = [];
      for await (const { choices } of stream) {
        text += choices[0]?.text ?? "";
        tokens.push(...(choices[0]?.logprobs?.tokens ?? []));
      }
      expect(text).toBe(whole.choices[0]?.text);
      expect(tokens).toHaveLength(8);
    });
  });

  describe("embeddings", () => {
    const create = (input: string | string[], more: object = {}) => client.embeddings.create({ model: "sprout-embed", input, ...more });

    it("gets vectors in which what means alike lies close", async () => {
      const { data, usage } = await create(["hello", "hi there", "the capital of France"]);
      const [hello = [], hi = [], capital = []] = data.map(({ embedding }) => embedding);
      expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
      expect(cosine(hello, hello)).toBeCloseTo(1, 5);
      expect(cosine(hello, hi)).toBeLessThan(1);
      expect(capital).toHaveLength(hello.length);
      expect(usage.prompt_tokens).toBeGreaterThan(2);
      expect(usage.total_tokens).toBe(usage.prompt_tokens);
    });

    it("gets the same numbers in both encodings, for one text or several", async () => {
      const [asked, float] = await Promise.all([create("hello"), create(["hello"], { encoding_format: "float" })]);
      const vector = float.data[0]?.embedding ?? [];
      asked.data[0]?.embedding.forEach((value, index) => {
        expect(value).toBeCloseTo(vector[index] ?? Number.NaN, 6);
      });
    });

    it("is charged for the texts", async () => {
      const before = await balance(network);
      const { usage } = await create(Array.from({ length: 40 }, () => "hello there"));
      expect(usage.prompt_tokens).toBeGreaterThanOrEqual(40);
      expect(before - (await balance(network))).toBeGreaterThan(0);
    });

    it("is told that a chat model makes none", async () => {
      await expect(client.embeddings.create({ model, input: "hello" })).rejects.toMatchObject({ status: 400, param: "model" });
    });
  });

  describe("models", () => {
    it("are listed and retrieved", async () => {
      const ids: string[] = [];
      for await (const entry of client.models.list()) ids.push(entry.id);
      expect(ids).toEqual(expect.arrayContaining([model, "sprout-embed"]));
      expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: "model" });
      await expect(client.models.retrieve("no-such-model")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    });
  });

  it("is answered once for an idempotency key, however often it asks", async () => {
    const before = await balance(network);
    const ask = () => client.chat.completions.create({ model, messages: france }, { headers: { "Idempotency-Key": "order-66" } });
    const [first, second] = await Promise.all([ask(), ask()]);
    expect(second).toEqual(first);
    expect(await ask()).toEqual(first);
    expect(before - (await balance(network))).toBe(100);
  });

  it("reads the rate headers that it knows", async () => {
    const { response } = await client.chat.completions.create({ model, messages: france }).withResponse();
    for (const kind of ["requests", "input-tokens", "output-tokens"]) {
      expect(Number(response.headers.get(`x-ratelimit-limit-${kind}`))).toBeGreaterThan(0);
      expect(Number(response.headers.get(`x-ratelimit-remaining-${kind}`))).toBeGreaterThan(0);
    }
  });
});

async function balance({ baseURL, apiKey }: UpNetwork): Promise<number> {
  const response = await fetch(`${baseURL}/payments/balance`, { headers: { authorization: `Bearer ${apiKey}` } });
  const { balance_micro_usd } = (await response.json()) as { readonly balance_micro_usd: number };
  return balance_micro_usd;
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function never(): never {
  throw new Error("there is no answer");
}
