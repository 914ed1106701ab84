import { fileURLToPath } from "node:url";
import { systemClock } from "@umbel/protocol/native";
import { afterAll, describe, expect, it } from "vitest";
import type { LoadOptions } from "../engine.js";
import { memoryOf, total_bytes } from "../memory.js";
import { createLlamaEngine } from "./llama-engine.js";

const model = (folder: string, file: string) => ({
  buildId: folder,
  path: fileURLToPath(new URL(`../../../../../models/${folder}/${file}`, import.meta.url)),
});
const sprout = model("sprout", "sprout-3m-q8_0.gguf");
const embed = model("sprout-embed", "sprout-embed-3m-q8_0.gguf");
const engine = createLlamaEngine({ clock: systemClock });
afterAll(() => engine.dispose());

const options = (change: Partial<LoadOptions> = {}): LoadOptions => ({
  ...{ sequences: 6, contextLength_tokens: 1024, threads_max: 1, gpuLayers: 0 },
  ...change,
});

describe("what a model takes", () => {
  it.each([options(), options({ sequences: 1, contextLength_tokens: 2048 }), options({ kvCache: "q8_0" })])(
    "is told before it is loaded as it is allocated then (%o)",
    async (load) => {
      const told = await engine.estimate(sprout, options({ ...load, sequences: 3 }), "answers");
      const loaded = await engine.load(sprout, load);
      const told_bytes = told === undefined ? 0 : total_bytes(memoryOf(told, load));
      expect(told_bytes / total_bytes(loaded.memory)).toBeGreaterThan(0.95);
      expect(told_bytes / total_bytes(loaded.memory)).toBeLessThan(1.05);
      await loaded.dispose();
    },
  );

  it("is less with a quantised cache, which answers all the same", async () => {
    const [full, half] = await Promise.all([
      engine.estimate(sprout, options(), "answers"),
      engine.estimate(sprout, options({ kvCache: "q8_0" }), "answers"),
    ]);
    expect((half?.perToken.ram_bytes ?? 0) / (full?.perToken.ram_bytes ?? 0)).toBeCloseTo(0.53, 1);
    const loaded = await engine.load(sprout, options({ kvCache: "q8_0" }));
    const tokens = loaded.tokenize("<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n", true);
    const bytes: Uint8Array[] = [];
    for await (const event of loaded.generate({ tokens, maxTokens: 30, sampling: { temperature: 0 } }).events) {
      if (event.type === "token") bytes.push(event.bytes);
    }
    expect(Buffer.concat(bytes).toString()).toContain("Paris");
    await loaded.dispose();
  });

  it("is told of embedders too, and of a file that is no model not at all", async () => {
    expect(total_bytes((await engine.estimate(embed, options(), "vectors"))?.fixed ?? { ram_bytes: 0, vram_bytes: 0 })).toBeGreaterThan(
      2 ** 20,
    );
    expect(await engine.estimate({ buildId: "none", path: fileURLToPath(import.meta.url) }, options(), "answers")).toBeUndefined();
    expect(await engine.deviceMemory()).toBeUndefined();
  });
});
