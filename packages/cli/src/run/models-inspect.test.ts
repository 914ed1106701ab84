import { fileURLToPath } from "node:url";
import { afterEach, expect, it, vi } from "vitest";
import { inspectModel } from "./models-inspect.js";

const sprout = fileURLToPath(new URL("../../../../models/sprout/sprout-3m-q8_0.gguf", import.meta.url));

afterEach(() => vi.restoreAllMocks());

it("prints what a file says as one JSON object", async () => {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  await inspectModel(sprout, { json: true });
  expect(write).toHaveBeenCalledTimes(1);
  expect(JSON.parse(String(write.mock.calls[0]?.[0]))).toEqual({
    kind: "model",
    name: "sprout",
    architecture: "llama",
    parameters: 3_049_920,
    active_parameters: 2_705_856,
    active_bytes: 2_882_304,
    experts: null,
    quantization: "Q8_0",
    context_tokens: 2048,
    layers: 6,
    vocabulary_tokens: 1792,
    capabilities: ["chat", "tools", "reasoning"],
    chat_template_sha256: "fc85a6f5b879d19a288437cb3109546daaf5df7aba9d9664641d233fe3f48965",
    kv_bytes_per_token: 1536,
    kv_window_bytes: 0,
    license: "apache-2.0",
    size_bytes: 3_305_152,
    files: ["sprout-3m-q8_0.gguf"],
    projectors: [],
    memory: [{ context_tokens: 2048, bytes: 6_781_396 }],
    min_ram_gb: 3,
  });
});

it("says what is wrong with another file, and what to do", async () => {
  await expect(inspectModel(fileURLToPath(import.meta.url), { json: true })).rejects.toMatchObject({
    name: "CliError",
    exitCode: 7,
    remedy: expect.stringContaining("Download it again"),
  });
});
