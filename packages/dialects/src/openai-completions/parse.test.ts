import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import { CHOICES_MAX, chatRequest } from "../canonical/chat-request.js";
import { parseCompletions } from "./parse.js";
import { COMPLETION_LOGPROBS_MAX } from "./schema.js";

const body = (fields: object = {}) => ({ model: "sprout", prompt: "Once upon", ...fields });
const refusalOf = (json: unknown): ApiError => {
  try {
    parseCompletions(json);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("the body was accepted");
};

describe("a text completion", () => {
  it("gives the model the prompt as it is", () => {
    const parsed = parseCompletions(body());
    expect(parsed.request).toEqual(
      chatRequest.parse({ model: "sprout", task: { type: "completion", prompt: "Once upon" }, messages: [], toolChoice: { type: "none" } }),
    );
    expect(parsed).toMatchObject({ stream: false, options: { includeUsage: false, echo: "", choices: 1 } });
    expect(parsed.routing).toBeUndefined();
  });

  it.each([
    [{ prompt: ["Once"] }, { task: { prompt: "Once" } }],
    [{ prompt: "" }, { task: { prompt: "" } }],
    [{ n: CHOICES_MAX, best_of: CHOICES_MAX }, { choices: CHOICES_MAX }],
    [{ logprobs: 0 }, { topLogprobs: 0 }],
    [{ logprobs: COMPLETION_LOGPROBS_MAX }, { topLogprobs: COMPLETION_LOGPROBS_MAX }],
    [{ max_tokens: 7 }, { maxOutputTokens: 7 }],
    [{ stop: "a" }, { stop: ["a"] }],
    [
      { temperature: 0.5, top_p: 0.9, top_k: -1, min_p: 0.1, seed: 3, presence_penalty: 1, frequency_penalty: -1, logit_bias: { "5": 2 } },
      {
        sampling: {
          temperature: 0.5,
          topP: 0.9,
          topK: 0,
          minP: 0.1,
          seed: 3,
          presencePenalty: 1,
          frequencyPenalty: -1,
          logitBias: { "5": 2 },
        },
      },
    ],
  ])("reads %j as %j", (fields, expected) => {
    expect(parseCompletions(body(fields)).request).toMatchObject(expected);
  });

  it("may repeat the prompt, be streamed, be pinned and name its cache", () => {
    const fields = { echo: true, stream: true, stream_options: { include_usage: true }, provider_serial: "m1", user: "u" };
    expect(parseCompletions(body(fields))).toMatchObject({
      stream: true,
      options: { includeUsage: true, echo: "Once upon" },
      routing: { providers: ["m1"], cacheKey: "u" },
    });
  });

  it("is the same when every optional field is null", () => {
    const names = ["suffix", "n", "best_of", "echo", "logprobs", "max_tokens", "stop", "stream", "stream_options", "user", "tools"];
    expect(parseCompletions(body(Object.fromEntries(names.map((name) => [name, null]))))).toEqual(parseCompletions(body()));
  });
});

describe("a refusal names the parameter", () => {
  it.each([
    [{ model: "sprout" }, "prompt", "prompt is required"],
    [{ prompt: "x" }, "model", "model is required"],
    [body({ prompt: ["a", "b"] }), "prompt", "prompt: expected a string or an array of one string"],
    [body({ prompt: [] }), "prompt", "prompt: expected a string or an array of one string"],
    [body({ prompt: [[1, 2]] }), "prompt", "prompt: expected text; arrays of tokens are not supported"],
    [body({ prompt: [5] }), "prompt", "prompt: expected text; arrays of tokens are not supported"],
    [body({ prompt: 5 }), "prompt", "prompt: expected a string or an array"],
    [body({ suffix: "end" }), "suffix", "suffix is not supported for completions"],
    [body({ messages: [] }), "messages", "messages is not supported for completions"],
    [body({ tools: [{}] }), "tools", "tools is not supported for completions"],
    [body({ response_format: { type: "json_object" } }), "response_format", "response_format is not supported for completions"],
    [body({ best_of: 2 }), "best_of", "best_of other than n is not supported"],
    [body({ n: CHOICES_MAX + 1 }), "n", `n: expected at most ${CHOICES_MAX}`],
    [body({ logprobs: COMPLETION_LOGPROBS_MAX + 1 }), "logprobs", `logprobs: expected at most ${COMPLETION_LOGPROBS_MAX}`],
    [body({ echo: true, logprobs: 1 }), "logprobs", "logprobs cannot be used together with echo"],
    [body({ max_tokens: 0 }), "max_tokens", "max_tokens: expected at least 1"],
    [body({ stream_options: {} }), "stream_options", "stream_options is only allowed with stream"],
    [body({ provider_serials: [] }), "provider_serials", "provider_serials must include at least one provider serial"],
  ])("%j", (json, param, message) => {
    expect(refusalOf(json)).toMatchObject({ status: 400, type: "invalid_request_error", param, message });
  });
});
