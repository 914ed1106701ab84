import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { aggregateHash } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BundledModelError, loadBundledModel, modelType } from "./index.js";

const bundled = (name: string): string => fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url));
const sprout = bundled("sprout");
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "umbel-bundled-"));
  for (const name of ["manifest.json", "catalog.json"]) await cp(path.join(sprout, name), path.join(directory, name));
});
afterEach(() => rm(directory, { recursive: true }));

type Json = Record<string, unknown>;

async function edit(name: string, change: (value: Json) => Json): Promise<void> {
  const file = path.join(directory, name);
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, "utf8")))));
}

const refusal = (code: string, name: string, field: string) =>
  expect.objectContaining({ name: "BundledModelError", code, file: path.join(directory, name), field });

describe("the bundled model", () => {
  it("is described by what lies beside it", async () => {
    const { build, alias } = await loadBundledModel(sprout);
    expect(build).toMatchObject({
      id: "sprout-3m-q8_0",
      architecture: "llama",
      quantization: "Q8_0",
      license: "Apache-2.0",
      contextLength_tokens: 2048,
      maxOutput_tokens: 1024,
      capabilities: ["chat", "tools", "json", "reasoning"],
      kvBytesPerToken: 2 * 6 * 2 * 32 * 2,
      defaults: { temperature: 0 },
      prices: { input_microUsd: 10_000n, output_microUsd: 20_000n },
    });
    expect(alias).toEqual({ id: "sprout", displayName: "Sprout", desired: "sprout-3m-q8_0" });
  });

  it("for vectors is described by what lies beside it", async () => {
    const { build, alias } = await loadBundledModel(bundled("sprout-embed"));
    expect(build).toMatchObject({ id: "sprout-embed-3m-q8_0", contextLength_tokens: 2048, capabilities: ["embedding"] });
    expect(modelType(build)).toBe("embedding");
    expect(alias).toEqual({ id: "sprout-embed", displayName: "Sprout embed", desired: "sprout-embed-3m-q8_0" });
  });

  it.each(["sprout", "sprout-embed"])("%s has the bytes that its manifest names", async (model) => {
    const { build } = await loadBundledModel(bundled(model));
    const files = await Promise.all(
      build.manifest.files.map(async ({ path: name }) => {
        const bytes = await readFile(path.join(bundled(model), name));
        return { path: name, size_bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex"), role: "weight" };
      }),
    );
    expect(build.manifest.files).toEqual(files);
    expect(build.weightHash).toBe(aggregateHash(files));
    expect(build.size_bytes).toBe(files.reduce((sum, file) => sum + file.size_bytes, 0));
  });
});

describe("a model's directory is refused, naming file and field, when", () => {
  it.each(["manifest.json", "catalog.json"])("%s is missing", async (name) => {
    await rm(path.join(directory, name));
    await expect(loadBundledModel(directory)).rejects.toEqual(refusal("file_unreadable", name, ""));
    await expect(loadBundledModel(directory)).rejects.toBeInstanceOf(BundledModelError);
  });

  it.each(["manifest.json", "catalog.json"])("%s is not JSON", async (name) => {
    await writeFile(path.join(directory, name), "{");
    await expect(loadBundledModel(directory)).rejects.toEqual(refusal("not_json", name, ""));
  });

  it("the manifest contradicts itself", async () => {
    await edit("manifest.json", (manifest) => ({ ...manifest, total_size_bytes: 1 }));
    await expect(loadBundledModel(directory)).rejects.toEqual(refusal("manifest_invalid", "manifest.json", "wrong_total_size"));
  });

  it.each<[string, Json, string]>([
    ["the id is another model's", { id: "other" }, "id"],
    ["a number is text", { contextLength_tokens: "2048" }, "contextLength_tokens"],
    ["a limit is 0", { maxOutput_tokens: 0 }, "maxOutput_tokens"],
    ["a price is 0", { prices: { input_microUsd: 0, output_microUsd: 1 } }, "prices.input_microUsd"],
    ["a price is broken", { prices: { input_microUsd: 1, output_microUsd: 0.5 } }, "prices.output_microUsd"],
    ["a default is out of range", { defaults: { temperature: 2.5 } }, "defaults.temperature"],
    ["a default is unknown", { defaults: { temprature: 0 } }, "defaults.temprature"],
    ["a field is unknown", { licence: "Apache-2.0" }, "licence"],
    ["a capability is empty", { capabilities: ["chat", ""] }, "capabilities.1"],
    ["the alias has a slash", { alias: { id: "a/b", displayName: "A" } }, "alias.id"],
  ])("%s", async (_, change, field) => {
    await edit("catalog.json", (catalog) => ({ ...catalog, ...change }));
    await expect(loadBundledModel(directory)).rejects.toEqual(refusal("invalid_field", "catalog.json", field));
  });

  it("a field is absent", async () => {
    await edit("catalog.json", ({ license, ...catalog }) => catalog);
    await expect(loadBundledModel(directory)).rejects.toEqual(refusal("invalid_field", "catalog.json", "license"));
  });
});
