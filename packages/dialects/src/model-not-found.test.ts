import { describe, expect, it } from "vitest";
import { modelNotFound } from "./model-not-found.js";

const OFFERED = ["sprout", "sprout-embed", "qwen3-8b", "qwen3-8b-q4_k_m"];

describe("a model that nobody offers", () => {
  it.each([
    ["sprot", "sprout"],
    ["Sprout", "sprout"],
    ["sprout-embeds", "sprout-embed"],
    ["qwen3_8b", "qwen3-8b"],
    ["sprout:latest", "sprout"],
    ["umbel/qwen3-8b", "qwen3-8b"],
  ])("%s is likely to be %s", (name, meant) => {
    expect(modelNotFound(name, OFFERED).message).toBe(
      `The model "${name}" does not exist or is not offered here. Did you mean "${meant}"? GET /v1/models lists what is.`,
    );
  });

  it.each(["gpt-4o", "", "s".repeat(200)])("%j is like none", (name) => {
    expect(modelNotFound(name, OFFERED)).toMatchObject({
      status: 404,
      code: "model_not_found",
      param: "model",
      message: `The model "${name}" does not exist or is not offered here. GET /v1/models lists what is.`,
    });
  });
});
