import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ByteSource } from "./byte-source.js";
import { GgufError } from "./gguf-error.js";
import { inspectGgufFile, inspectParts } from "./inspect-gguf.js";
import { GGUF_LIMITS } from "./limits.js";
import { catalogMemory, machineMemory_gib, memoryFor } from "./memory-estimate.js";
import { booleans, smallLlama, text, texts, uint32, uint32s, uint64, writeGguf } from "./testing/index.js";

const sprout = fileURLToPath(new URL("../../../../../models/sprout/sprout-3m-q8_0.gguf", import.meta.url));
const sproutEmbed = fileURLToPath(new URL("../../../../../models/sprout-embed/sprout-embed-3m-q8_0.gguf", import.meta.url));

function sourceOf(bytes: Uint8Array, size_bytes = bytes.length): ByteSource {
  return { size_bytes, read: async (offset, length) => bytes.slice(offset, offset + length) };
}
const inspect = (bytes: Uint8Array) => inspectParts(["x.gguf"], (_, task) => task(sourceOf(bytes)));
const refusal = (code: string) => expect.objectContaining({ name: "GgufError", code });
const llama = (changes: Parameters<typeof writeGguf>[0]["metadata"] = {}) => writeGguf({ metadata: { ...smallLlama, ...changes } });

describe("the bundled models", () => {
  it("are described as their catalogue entries say", async () => {
    expect(await inspectGgufFile(sprout)).toMatchObject({
      kind: "model",
      architecture: "llama",
      name: "sprout",
      license: "apache-2.0",
      quantization: "Q8_0",
      contextLength_tokens: 2048,
      layers: 6,
      vocabulary_tokens: 1792,
      kvCache: { perToken_bytes: 1536, window_bytes: 0 },
      capabilities: ["chat", "tools", "reasoning"],
      files: ["sprout-3m-q8_0.gguf"],
    });
    expect((await inspectGgufFile(sproutEmbed)).capabilities).toEqual(["embedding"]);
  });

  it("take the memory of weights and cache", async () => {
    const active = { parameters: 0, bytes: undefined };
    const model = { size_bytes: 10_000_000, kvCache: { perToken_bytes: 1000, window_bytes: 500 }, active };
    // Half of a small machine; a card besides keeps half a GiB for the desktop.
    expect(catalogMemory({ ...model, size_bytes: 2 ** 30 })).toEqual({
      resident_bytes: Math.ceil(1.1 * 2 ** 30 + 500),
      min_ram_gb: 2.21,
      min_vram_gb: 1.61,
    });
    expect(catalogMemory({ size_bytes: 40 * 2 ** 30, kvCache: undefined, active: { parameters: 9, bytes: 9 } })).toMatchObject({
      ...{ min_ram_gb: 52.53, min_vram_gb: 47.78, active_bytes: 9 },
    });
    expect(memoryFor(model, 4096)).toBe(11_000_000 + 4_096_000 + 500);
    expect(memoryFor({ size_bytes: 10_000_000, kvCache: undefined }, 10)).toBe(12_000_000);
    expect(machineMemory_gib({ size_bytes: 4 * 2 ** 30, kvCache: { perToken_bytes: 131_072, window_bytes: 0 } })).toBe(8);
  });
});

describe("facts", () => {
  it("come from the metadata", async () => {
    expect(await inspect(llama())).toMatchObject({
      name: "Small",
      quantization: "Q8_0",
      contextLength_tokens: 4096,
      vocabulary_tokens: 3,
      kvCache: { perToken_bytes: 4 * 2 * (8 + 8) * 2, window_bytes: 0 },
      capabilities: ["chat", "tools"],
      chatTemplate_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it.each<[string, Parameters<typeof llama>[0], { perToken_bytes: number; window_bytes: number } | undefined]>([
    [
      "heads by layer, none of a recurrent one",
      { "llama.attention.head_count_kv": uint32s(2, 0, 0, 1) },
      { perToken_bytes: 96, window_bytes: 0 },
    ],
    [
      "a window in the layers that are flagged",
      { "llama.attention.sliding_window": uint32(100), "llama.attention.sliding_window_pattern": booleans(true, true, true, false) },
      { perToken_bytes: 64, window_bytes: 19_200 },
    ],
    [
      "a window in all but every second layer",
      { "llama.attention.sliding_window": uint32(100), "llama.attention.sliding_window_pattern": uint32(2) },
      { perToken_bytes: 128, window_bytes: 12_800 },
    ],
    [
      "a window of unknown place: as if there were none",
      { "llama.attention.sliding_window": uint32(100) },
      { perToken_bytes: 256, window_bytes: 0 },
    ],
    ["layers that share a cache", { "llama.attention.shared_kv_layers": uint32(3) }, { perToken_bytes: 64, window_bytes: 0 }],
    ["an interval of full attention", { "llama.full_attention_interval": uint32(4) }, { perToken_bytes: 64, window_bytes: 0 }],
    [
      "sizes of its own",
      { "llama.attention.key_length": uint32(16), "llama.attention.value_length": uint32(4) },
      { perToken_bytes: 320, window_bytes: 0 },
    ],
    ["an absurd number of layers: unknown", { "llama.block_count": uint32(4_000_000) }, undefined],
    ["no heads: unknown", { "llama.attention.head_count": text("many") }, undefined],
  ])("of a cache with %s", async (_, changes, expected) => {
    expect((await inspect(llama(changes))).kvCache).toEqual(expected);
  });

  it.each([
    [{ "general.type": text("mmproj") }, { kind: "projector" }],
    [{ "general.architecture": text("clip") }, { kind: "projector" }],
    [{ "general.type": text("adapter") }, { kind: "adapter" }],
    [{ "llama.pooling_type": uint32(1) }, { capabilities: ["embedding"] }],
    [{ "llama.pooling_type": uint32(4) }, { capabilities: ["rerank"] }],
    [{ "tokenizer.chat_template": text("{{ '<think>' }}") }, { capabilities: ["chat", "reasoning"] }],
    [{ "general.file_type": uint32(1024 + 15) }, { quantization: "Q4_K_M" }],
    [{ "general.name": text("one\nline\u0007") }, { name: "one line" }],
    [{ "general.architecture": text("../up") }, { architecture: undefined, contextLength_tokens: undefined }],
    [{ "llama.context_length": uint64(2 ** 53) }, { contextLength_tokens: undefined }],
    [{ "llama.expert_count": uint32(8), "llama.expert_used_count": uint32(2) }, { experts: { used: 2, all: 8 } }],
  ])("of a file with %j", async (changes, expected) => {
    expect(await inspect(llama(changes))).toMatchObject(expected);
  });

  it("count parameters and find the quantisation from the tensors", async () => {
    const tensors = [
      { name: "a", dimensions: [64, 3], type: 12 },
      { name: "b", dimensions: [8], type: 0 },
    ];
    expect(await inspect(writeGguf({ tensors, data_bytes: 1024 }))).toMatchObject({ parameters: 200, quantization: "Q4_K" });
  });
});

describe("what a token goes through", () => {
  const F16 = 1;
  const elements = 64;
  const tensorsNamed = (...names: string[]) => names.map((name) => ({ name, dimensions: [elements], type: F16 }));
  const active = async (names: string[], metadata: Parameters<typeof llama>[0] = {}) =>
    (await inspect(writeGguf({ metadata: { ...smallLlama, ...metadata }, tensors: tensorsNamed(...names), data_bytes: 4096 }))).active;
  const experts = { "llama.expert_count": uint32(8), "llama.expert_used_count": uint32(2) };
  const moe = ["token_embd.weight", "blk.0.attn_q.weight", "blk.0.ffn_gate_inp.weight", "blk.0.ffn_up_exps.weight", "output.weight"];

  it.each<[string, number, string[], typeof experts | undefined]>([
    ["all of a model that reads its embedding table to choose a token", 2, ["token_embd.weight", "blk.0.ffn_up.weight"], undefined],
    ["all but the table where it has another", 2, ["token_embd.weight", "blk.0.ffn_up.weight", "output.weight"], undefined],
    ["all but tables by layer, of which it takes rows", 1, ["blk.0.ffn_up.weight", "per_layer_token_embd.weight"], undefined],
    ["of experts those that are at work", 3.25, moe, experts],
    ["of experts all, where the file does not say how many are at work", 4, moe, undefined],
    ["an expert that all tokens go through", 1.25, ["blk.0.ffn_up_shexp.weight", "blk.0.ffn_up_exps.weight"], experts],
    ["of experts in tensors of their own, as many", 0.5, ["blk.0.ffn_up.0.weight", "blk.0.ffn_up.1.weight"], experts],
  ])("is %s", async (_, tensors, names, metadata) => {
    expect(await active(names, metadata)).toEqual({ parameters: tensors * elements, bytes: tensors * elements * 2 });
  });

  it("is not known in bytes where a tensor is of a later kind", async () => {
    const tensors = [{ name: "blk.0.ffn_up.weight", dimensions: [elements], type: 4000 }];
    expect((await inspect(writeGguf({ metadata: smallLlama, tensors }))).active).toEqual({ parameters: elements, bytes: undefined });
  });
});

describe("a model in parts", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "umbel-gguf-"));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const part = (number: number) => path.join(directory, `m-0000${number}-of-00002.gguf`);
  const tensor = (name: string) => [{ name, dimensions: [16], type: 0 }];

  it("is described whole, whichever part is named", async () => {
    await writeFile(part(1), writeGguf({ metadata: { ...smallLlama, "split.count": uint32(2) }, tensors: tensor("a"), data_bytes: 64 }));
    await writeFile(part(2), writeGguf({ tensors: tensor("b"), data_bytes: 64 }));
    await writeFile(path.join(directory, "mmproj-f16.gguf"), "");
    expect(await inspectGgufFile(part(2))).toMatchObject({
      files: ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"],
      parameters: 32,
      architecture: "llama",
      projectors: ["mmproj-f16.gguf"],
    });
    await rm(part(2));
    await expect(inspectGgufFile(part(1))).rejects.toThrow(/m-00002-of-00002.gguf.*missing/);
    await writeFile(path.join(directory, "renamed.gguf"), writeGguf({ metadata: { "split.count": uint32(2) } }));
    await expect(inspectGgufFile(path.join(directory, "renamed.gguf"))).rejects.toEqual(refusal("split_incomplete"));
  });

  it("that is missing or a folder is unreadable", async () => {
    await expect(inspectGgufFile(path.join(directory, "nothing.gguf"))).rejects.toEqual(refusal("unreadable"));
    await expect(inspectGgufFile(directory)).rejects.toEqual(refusal("unreadable"));
  });

  it("that was cut short is refused", async () => {
    await writeFile(path.join(directory, "cut.gguf"), writeGguf({ metadata: smallLlama, tensors: tensor("a"), data_bytes: 64 }));
    await truncate(path.join(directory, "cut.gguf"), writeGguf({ metadata: smallLlama, tensors: tensor("a") }).length + 63);
    await expect(inspectGgufFile(path.join(directory, "cut.gguf"))).rejects.toEqual(refusal("truncated"));
  });
});

describe("hostile files", () => {
  const bytesOf = (...parts: (string | number[])[]) => Buffer.concat(parts.map((item) => Buffer.from(item as string)));
  const u64 = (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(value);
    return [...buffer];
  };
  const head = (tensors: bigint, entries: bigint) => bytesOf("GGUF", [3, 0, 0, 0], u64(tensors), u64(entries));
  const room = Buffer.alloc(1024);

  it.each<[string, Uint8Array, string]>([
    ["nothing", Buffer.alloc(0), "not_gguf"],
    ["another format", Buffer.from("safetensors, perhaps"), "not_gguf"],
    ["version 1", bytesOf("GGUF", [1, 0, 0, 0], u64(0n), u64(0n)), "version_unsupported"],
    ["big-endian", bytesOf("GGUF", [0, 0, 0, 3], u64(0n), u64(0n)), "version_unsupported"],
    ["more tensors than any model", Buffer.concat([head(2n ** 63n, 0n), room]), "too_large"],
    ["more entries than any model", Buffer.concat([head(0n, 2n ** 40n), room]), "too_large"],
    ["more entries than bytes", head(0n, 10_000n), "truncated"],
    ["a key longer than the file", Buffer.concat([head(0n, 1n), bytesOf(u64(2n ** 62n)), room]), "truncated"],
    ["a key longer than allowed", Buffer.concat([head(0n, 1n), bytesOf(u64(1100n)), room, room]), "too_large"],
    ["an unknown type", Buffer.concat([head(0n, 1n), bytesOf(u64(1n), "k", [99, 0, 0, 0]), room]), "malformed"],
    [
      "a list longer than the file",
      Buffer.concat([head(0n, 1n), bytesOf(u64(1n), "k", [9, 0, 0, 0], [8, 0, 0, 0], u64(2n ** 61n)), room]),
      "truncated",
    ],
    [
      "lists in lists in lists",
      Buffer.concat([
        head(0n, 1n),
        bytesOf(
          u64(1n),
          "k",
          [9, 0, 0, 0],
          ...Array(3)
            .fill([[9, 0, 0, 0], u64(1n)])
            .flat(),
        ),
        room,
      ]),
      "malformed",
    ],
    ["no alignment", writeGguf({ metadata: { "general.alignment": uint32(0) } }), "malformed"],
    ["five dimensions", writeGguf({ tensors: [{ name: "a", dimensions: [1, 1, 1, 1, 1], type: 0 }] }), "malformed"],
    ["dimensions whose product overflows", writeGguf({ tensors: [{ name: "a", dimensions: [2 ** 31, 2 ** 31], type: 0 }] }), "too_large"],
    ["a tensor twice", writeGguf({ tensors: [0, 0].map(() => ({ name: "a", dimensions: [1], type: 0 })), data_bytes: 99 }), "duplicate"],
    ["a key twice", Buffer.concat([head(0n, 2n), ...[0, 0].map(() => bytesOf(u64(1n), "k", [0, 0, 0, 0], [7]))]), "duplicate"],
    ["a text above the limit", writeGguf({ metadata: { k: text("x".repeat(GGUF_LIMITS.string_bytes_max + 1)) } }), "too_large"],
  ])("%s", async (_, bytes, code) => {
    await expect(inspect(bytes)).rejects.toEqual(refusal(code));
  });

  it("may hold a long vocabulary, of which only the length is kept", async () => {
    const tokens = texts(...Array.from({ length: 100_000 }, (_, index) => `token ${index}`));
    expect((await inspect(llama({ "tokenizer.ggml.tokens": tokens }))).vocabulary_tokens).toBe(100_000);
  });

  it("that shrink while they are read are truncated", async () => {
    const bytes = llama();
    const shrunk = inspectParts(["x.gguf"], (_, task) => task(sourceOf(bytes.subarray(0, 100), bytes.length)));
    await expect(shrunk).rejects.toEqual(refusal("truncated"));
  });

  it("never do anything but end in facts or a GgufError", async () => {
    const sound = writeGguf({ metadata: smallLlama, tensors: [{ name: "a", dimensions: [32], type: 8 }], data_bytes: 64 });
    const damage = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 12 });
    const damaged = fc.tuple(damage, fc.nat(sound.length)).map(([changes, cut]) => {
      const bytes = Uint8Array.from(sound);
      for (const [at, value] of changes) bytes[at] = value;
      return cut % 3 === 0 ? bytes.subarray(0, cut) : bytes;
    });
    const invented = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.concat([head(3n, 5n), bytes]));
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, invented), async (bytes) => {
        const outcome = await inspect(bytes).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(GgufError);
      }),
      { numRuns: 1500 },
    );
  });
});
