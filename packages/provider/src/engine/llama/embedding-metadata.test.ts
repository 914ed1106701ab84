import type { GgufFileInfo } from "node-llama-cpp";
import { describe, expect, it } from "vitest";
import { readEmbeddingMetadata } from "./embedding-metadata.js";

function read(architecture: string, own: object = {}, more: object = {}) {
  const metadata = { general: { architecture }, [architecture]: own, ...more };
  return readEmbeddingMetadata({ metadata, architectureMetadata: own } as unknown as GgufFileInfo);
}

describe("a model's file", () => {
  it.each([
    [1, "mean"],
    [2, "first"],
    [3, "last"],
    [0, "last"],
    [undefined, "last"],
  ] as const)("with pooling type %s takes %s", (pooling_type, pooling) => {
    expect(read("llama", { pooling_type }).pooling).toBe(pooling);
  });

  it.each([
    ["a reranker", "llama", { pooling_type: 4 }],
    ["an encoder with a decoder", "t5", {}],
  ])("of %s makes no vectors", (_, architecture, own) => {
    expect(() => read(architecture, own)).toThrow(expect.objectContaining({ code: "artifact" }));
  });

  it.each([
    ["a decoder", "qwen3", {}, true],
    ["a decoder trained to look both ways", "llama", { attention: { causal: false } }, false],
    ["an encoder", "nomic-bert", {}, false],
    ["an architecture of which that is not known", "gemma-embedding", {}, false],
  ])("of %s may be computed in pieces: %s, %o, %s", (_, architecture, own, readsForward) => {
    expect(read(architecture, own).readsForward).toBe(readsForward);
  });

  it("says from which length on a vector may be used alone", () => {
    expect(read("llama", {}, { umbel: { embedding: { dimensions_min: 64 } } }).vectorSize_min).toBe(64);
    expect(read("llama", {}, { umbel: { embedding: { dimensions_min: 0 } } }).vectorSize_min).toBeUndefined();
    expect(read("llama").vectorSize_min).toBeUndefined();
  });
});
