import { describe, expect, it } from "vitest";
import { buildOf, recordOf } from "../../catalog/testing.js";
import { modelEntry } from "./model-entry.js";

function entryOf(change: Parameters<typeof buildOf>[1], kind: "build" | "alias" = "build") {
  return modelEntry({
    id: "m",
    displayName: "M",
    build: recordOf(buildOf("m", change), new Date(1_700_000_000_500)),
    kind,
    prices: { input_microUsd: 1n, output_microUsd: 2n, source: "platform" },
    capacities: [1, 2].map((providers) => ({
      build: "m",
      providers,
      warmProviders: 1,
      routableProviders: providers - 1,
      running: 3,
      waiting: 1,
      places: 4,
      canAccept: providers > 1,
      attested: 0,
      runningProviders: 1,
      decode_tps: 50,
      estimatedTtft_ms: undefined,
      tokenBudgetUsed: 0,
      tokenBudgetMax: 0,
    })),
  });
}

describe("modelEntry", () => {
  it.each([
    ["Q4_K_M", "int4"],
    ["IQ3_XS", "int4"],
    ["Q2_K", "int4"],
    ["MXFP4", "fp4"],
    ["Q5_K_S", "fp6"],
    ["Q6_K", "fp6"],
    ["Q8_0", "int8"],
    ["F16", "fp16"],
    ["BF16", "bf16"],
    ["F32", "fp32"],
    ["TQ1_0", undefined],
  ])("lists the quantization %s as %s", (quantization, listed) => {
    expect((entryOf({ quantization }) as { quantization?: string }).quantization).toBe(listed);
  });

  it("shows no quantization of an alias, behind which several builds may be", () => {
    expect(entryOf({}, "alias")).not.toHaveProperty("quantization");
  });

  it("lists capabilities as features and modalities, each once, sorted", () => {
    expect(
      entryOf({ capabilities: ["Function_Calling", "tools", "thinking", "json_schema", "multimodal", "vision", "chat"] }),
    ).toMatchObject({
      supported_features: ["reasoning", "structured_outputs", "tools"],
      input_modalities: ["text", "image"],
      output_modalities: ["text"],
    });
  });

  it("lists a build that makes vectors as one, without what only answers have", () => {
    expect(entryOf({ capabilities: ["embedding"] })).toMatchObject({
      input_modalities: ["text"],
      output_modalities: ["embedding"],
      supported_sampling_parameters: [],
      metadata: { model_type: "embedding" },
    });
  });

  it("adds up the builds behind one name", () => {
    expect(entryOf({})).toMatchObject({
      created: 1_700_000_000,
      metadata: { provider_count: 3, routable_providers: 1, warm_providers: 2, can_accept: true, active_requests: 8 },
    });
  });
});
