import { describe, expect, it } from "vitest";
import { signedAnswer } from "./extras.js";

const extras = { receipt: "a.b.c", request_id: "7d9f" };

describe("what a consumer holds against a receipt", () => {
  it.each([
    ["OpenAI's usage", { extras, usage: { prompt_tokens: 9, completion_tokens: 3 } }, 9, 3],
    ["that of embeddings, which generate nothing", { extras, usage: { prompt_tokens: 9, total_tokens: 9 } }, 9, 0],
    [
      "Anthropic's, with what came from a cache",
      { extras, usage: { input_tokens: 5, cache_read_input_tokens: 4, output_tokens: 3 } },
      9,
      3,
    ],
    ["that of a finished response", { response: { extras, usage: { input_tokens: 9, output_tokens: 3 } } }, 9, 3],
  ])("is read from %s", (_, body, promptTokens, completionTokens) => {
    expect(signedAnswer(body)).toEqual({ requestId: "7d9f", receipt: "a.b.c", promptTokens, completionTokens });
  });

  it.each([
    null,
    "a.b.c",
    { extras },
    { extras: { receipt: "a.b.c" }, usage: { prompt_tokens: 1, completion_tokens: 1 } },
    { response: {} },
  ])("is absent where an answer has none: %j", (body) => {
    expect(signedAnswer(body)).toBeUndefined();
  });
});
