import fc from "fast-check";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { someUsage } from "../testing/answers.js";
import { answered, createDialectClientFetch } from "../testing/client-fetch.js";
import { openaiEmbeddings } from "./index.js";
import { EMBEDDING_LIMITS } from "./schema.js";

const base64Of = (values: readonly number[]) => {
  const bytes = new Uint8Array(new Float32Array(values).buffer);
  return btoa(String.fromCharCode(...bytes));
};
const vector = (index: number, values: readonly number[]): ChatEvent => ({ type: "embedding", index, vector: base64Of(values) });
const finish: ChatEvent = { type: "finish", reason: "stop", usage: { ...someUsage, completionTokens: 0 } };
const refusalOf = (body: object): ApiError => {
  try {
    openaiEmbeddings.parse(body);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("the body was accepted");
};
const rendererOf = (encoding: "float" | "base64", inputs: number, events: readonly ChatEvent[]) => {
  const renderer = openaiEmbeddings.finalRenderer({
    id: "1",
    created_s: 5,
    model: "m",
    options: { encoding, inputs },
    receipt: () => "a.b.c",
  });
  for (const event of events) renderer.event(event);
  return renderer;
};

describe("a request for embeddings", () => {
  it("is its texts", () => {
    expect(openaiEmbeddings.parse({ model: "m", input: "a" }).request).toMatchObject({
      task: { type: "embedding", inputs: ["a"] },
      messages: [],
    });
    expect(openaiEmbeddings.parse({ model: "m", input: ["a", "b"], dimensions: 64, encoding_format: "base64", user: "u" })).toMatchObject({
      request: { task: { type: "embedding", inputs: ["a", "b"], dimensions: 64 } },
      stream: false,
      options: { encoding: "base64", inputs: 2 },
      routing: { cacheKey: "u" },
    });
  });

  it.each([
    [{ input: "a" }, "model", "model is required"],
    [{ model: "m" }, "input", "input is required"],
    [{ model: "m", input: "" }, "input", "input: expected at least 1 character"],
    [{ model: "m", input: [] }, "input", "input: expected 1 to 2048 items"],
    [{ model: "m", input: ["a", ""] }, "input[1]", "input[1]: expected at least 1 character"],
    [{ model: "m", input: [1, 2] }, "input", "input: expected text; arrays of tokens are not supported"],
    [{ model: "m", input: [[1]] }, "input", "input: expected text; arrays of tokens are not supported"],
    [{ model: "m", input: "a", encoding_format: "int8" }, "encoding_format", 'encoding_format: expected one of "float", "base64"'],
    [{ model: "m", input: "a", dimensions: 0 }, "dimensions", "dimensions: expected at least 1"],
    [{ model: "m", input: "a", stream: true }, "stream", "stream is not supported for embeddings"],
    [{ model: "m", input: "a", provider_serial: 1 }, "provider_serial", "provider_serial must be a string or array of strings"],
  ])("is refused by its parameter: %j", (body, param, message) => {
    expect(refusalOf(body)).toMatchObject({ status: 400, type: "invalid_request_error", param, message });
  });

  it("has a limit of texts and of dimensions", () => {
    const texts = (count: number) => Array.from({ length: count }, () => "a");
    const { inputs_max, dimensions_max } = EMBEDDING_LIMITS;
    expect(openaiEmbeddings.parse({ model: "m", input: texts(inputs_max), dimensions: dimensions_max }).options.inputs).toBe(inputs_max);
    expect(refusalOf({ model: "m", input: texts(inputs_max + 1) })).toMatchObject({ param: "input" });
    expect(refusalOf({ model: "m", input: "a", dimensions: dimensions_max + 1 })).toMatchObject({ param: "dimensions" });
  });
});

describe("an answer", () => {
  it("has the vectors in the order of the inputs, however they come", () => {
    expect(rendererOf("float", 2, [vector(1, [0.5, -2]), vector(0, [1, 0]), finish]).result()).toEqual({
      object: "list",
      data: [
        { object: "embedding", index: 0, embedding: [1, 0] },
        { object: "embedding", index: 1, embedding: [0.5, -2] },
      ],
      model: "m",
      usage: { prompt_tokens: 9, total_tokens: 9 },
      extras: { receipt: "a.b.c", request_id: "1" },
    });
  });

  it("tells every number exactly, in either form", () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 }), (values) => {
        const exact = [...new Float32Array(values)].map((value) => value + 0);
        const { data } = JSON.parse(JSON.stringify(rendererOf("float", 1, [vector(0, values), finish]).result())) as {
          data: { embedding: number[] }[];
        };
        expect(data[0]?.embedding.map((value) => Math.fround(value))).toEqual(exact);
        expect(rendererOf("base64", 1, [vector(0, values), finish]).result()).toMatchObject({ data: [{ embedding: base64Of(values) }] });
      }),
    );
  });

  it.each<[string, readonly ChatEvent[]]>([
    ["without an end", [vector(0, [1])]],
    ["without one of the vectors", [finish]],
    ["with a vector that is none", [{ type: "embedding", index: 0, vector: "AAA=" }, finish]],
    ["with a vector of nothing", [{ type: "embedding", index: 0, vector: "" }, finish]],
    ["with text that is no base64", [{ type: "embedding", index: 0, vector: "%%" }, finish]],
    ["with a number that is none", [vector(0, [Number.NaN]), finish]],
  ])("%s is the provider's failure", (_name, events) => {
    expect(() => rendererOf("float", 1, events).result()).toThrow(expect.objectContaining({ status: 502, code: "provider_error" }));
  });
});

describe("the official client", () => {
  it.each([undefined, "float", "base64"] as const)("reads vectors in the form %s", async (encoding_format) => {
    const scene = answered([vector(0, [0.5, -1]), finish]);
    const client = new OpenAI({
      apiKey: "x",
      baseURL: "http://x/v1",
      maxRetries: 0,
      fetch: createDialectClientFetch(openaiEmbeddings, scene),
    });
    const { data, usage } = await client.embeddings.create({ model: "m", input: "a", ...(encoding_format && { encoding_format }) });
    expect(data[0]?.embedding).toEqual(encoding_format === "base64" ? base64Of([0.5, -1]) : [0.5, -1]);
    expect(usage.prompt_tokens).toBe(9);
  });
});
