import { describe, expect, it } from "vitest";
import { CATALOG_LIMITS } from "../schemas.js";
import { buildOf } from "../testing.js";
import type { NewAlias, NewBuild } from "../types.js";
import { checkAlias, checkBuild } from "./check.js";

const refusal = (code: string, field: string) => expect.objectContaining({ name: "CatalogError", code, field });
const good = buildOf("org/model-q8");

describe("a build", () => {
  it("is taken when it agrees with its manifest", () => {
    expect(checkBuild(good)).toEqual(good);
  });

  it.each<[string, Partial<NewBuild>, string, string]>([
    ["another id than its manifest", { id: "org/other" }, "wrong_model_id", "id"],
    ["another hash", { weightHash: "0".repeat(64) }, "wrong_weight_hash", "weightHash"],
    ["another size", { size_bytes: good.size_bytes + 1 }, "wrong_size", "size_bytes"],
    ["a manifest that contradicts itself", { manifest: { ...good.manifest, file_count: 2 } }, "manifest_invalid", "manifest"],
    ["an id outside the alphabet", { id: "../up", manifest: { ...good.manifest, model_id: "../up" } }, "manifest_invalid", "manifest"],
    ["no id", { id: "" }, "invalid_field", "id"],
    ["no context", { contextLength_tokens: 0 }, "invalid_field", "contextLength_tokens"],
    ["half a token of output", { maxOutput_tokens: 0.5 }, "invalid_field", "maxOutput_tokens"],
    ["a free input", { prices: { ...good.prices, input_microUsd: 0n } }, "invalid_field", "prices.input_microUsd"],
    ["a negative output price", { prices: { ...good.prices, output_microUsd: -1n } }, "invalid_field", "prices.output_microUsd"],
    ["a default out of range", { defaults: { topP: 1.1 } }, "invalid_field", "defaults.topP"],
  ])("with %s is refused", (_, change, code, field) => {
    expect(() => checkBuild({ ...good, ...change })).toThrow(refusal(code, field));
  });

  it.each<[string, (over: 0 | 1) => Partial<NewBuild>, string]>([
    ["its name", (over) => ({ displayName: "x".repeat(CATALOG_LIMITS.name_chars + over) }), "displayName"],
    ["its description", (over) => ({ description: "x".repeat(CATALOG_LIMITS.description_chars + over) }), "description"],
    ["its capabilities", (over) => ({ capabilities: Array(CATALOG_LIMITS.capabilities + over).fill("x") }), "capabilities"],
    ["a capability", (over) => ({ capabilities: ["x".repeat(CATALOG_LIMITS.capability_chars + over)] }), "capabilities.0"],
    [
      "its price",
      (over) => ({ prices: { ...good.prices, input_microUsd: BigInt(CATALOG_LIMITS.price_microUsd + over) } }),
      "prices.input_microUsd",
    ],
  ])("has a limit on %s", (_, change, field) => {
    expect(checkBuild({ ...good, ...change(0) })).toMatchObject(change(0));
    expect(() => checkBuild({ ...good, ...change(1) })).toThrow(refusal("invalid_field", field));
  });

  it("says which rule of manifests was broken, in the cause", () => {
    const broken = { ...good, manifest: { ...good.manifest, file_count: 2 } };
    expect(() => checkBuild(broken)).toThrow(expect.objectContaining({ cause: expect.objectContaining({ code: "wrong_file_count" }) }));
  });
});

describe("an alias", () => {
  const alias: NewAlias = { id: "model", displayName: "Model", desired: "org/model-q8", previous: "org/model-q4" };

  it("is taken with and without a previous build, up to the longest id", () => {
    expect(() => checkAlias(alias)).not.toThrow();
    expect(() => checkAlias({ id: "m".repeat(CATALOG_LIMITS.aliasId_chars), displayName: "Model", desired: "d" })).not.toThrow();
  });

  it.each<[string, Partial<NewAlias>, string, string]>([
    ["a slash in its id", { id: "org/model" }, "invalid_field", "id"],
    ["an id outside the alphabet", { id: "modèle" }, "invalid_field", "id"],
    ["an id with two dots", { id: "a..b" }, "invalid_field", "id"],
    ["no id", { id: "" }, "invalid_field", "id"],
    ["too long an id", { id: "m".repeat(CATALOG_LIMITS.aliasId_chars + 1) }, "invalid_field", "id"],
    ["no display name", { displayName: "" }, "invalid_field", "displayName"],
    ["one build twice", { previous: "org/model-q8" }, "previous_is_desired", "previous"],
  ])("with %s is refused", (_, change, code, field) => {
    expect(() => checkAlias({ ...alias, ...change })).toThrow(refusal(code, field));
  });
});
