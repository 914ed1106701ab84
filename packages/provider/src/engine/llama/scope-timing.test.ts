import { fileURLToPath } from "node:url";
import { systemClock } from "@umbel/protocol/native";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadedModel } from "../engine.js";
import { createLlamaEngine } from "./llama-engine.js";

const sproutPath = fileURLToPath(new URL("../../../../../models/sprout/sprout-3m-q8_0.gguf", import.meta.url));
const engine = createLlamaEngine({ clock: systemClock });
let sprout: LoadedModel;
beforeAll(async () => {
  sprout = await engine.load(
    { buildId: "sprout", path: sproutPath },
    { sequences: 4, contextLength_tokens: 512, threads_max: 1, gpuLayers: 0 },
  );
});
afterAll(() => engine.dispose());

const pairs = 18;
/** Of 18 fair tosses, 17 or more fall on one side in fifteen of 100,000 tries. What is shared wins all of them. */
const uneven = 17;
const prompt_tokens = 80;

let drawn = 0;
/** Tokens that no other prompt begins with. */
function freshPrompt(): Int32Array {
  drawn += 1;
  return Int32Array.from({ length: prompt_tokens }, (_, i) => 300 + ((drawn * 37 + i * (drawn + 11)) % 1000));
}

async function firstToken(tokens: Int32Array, cacheScope: string): Promise<{ ms: number; cachedTokens: number }> {
  const start_ms = performance.now();
  let found = { ms: Number.NaN, cachedTokens: 0 };
  for await (const event of sprout.generate({ tokens, maxTokens: 1, sampling: { temperature: 0 }, cacheScope }).events) {
    if (event.type === "started") found = { ms: performance.now() - start_ms, cachedTokens: event.cachedTokens };
  }
  return found;
}

/** How often a prompt that the scope `first` has just sent is quicker than one that nobody has, for whoever asks. */
async function knownIsQuicker(asker: string): Promise<{ wins: number; cachedTokens: number }> {
  let [wins, cachedTokens] = [0, 0];
  for (let i = 0; i < pairs; i++) {
    const known = freshPrompt();
    await firstToken(known, "first");
    const prompts = i % 2 === 0 ? [known, freshPrompt()] : [freshPrompt(), known];
    const results = [];
    for (const tokens of prompts) results.push({ tokens, ...(await firstToken(tokens, asker)) });
    const [of, other] = results[0]?.tokens === known ? results : results.toReversed();
    if (of === undefined || other === undefined) continue;
    cachedTokens += of.cachedTokens;
    if (of.ms < other.ms) wins += 1;
  }
  return { wins, cachedTokens };
}

describe("the time to the first token", () => {
  it("tells a scope what it has asked before, and not what another has", async () => {
    const own = await knownIsQuicker("first");
    expect(own.wins).toBeGreaterThanOrEqual(uneven);
    expect(own.cachedTokens).toBe(pairs * (prompt_tokens - 1));

    const other = await knownIsQuicker("second");
    expect(other.cachedTokens).toBe(0);
    expect(other.wins).toBeLessThan(uneven);
    expect(other.wins).toBeGreaterThan(pairs - uneven);
  });
});
