import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@umbel/protocol/native";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLlamaEngine, type Generation, type LoadedModel } from "../../engine/index.js";
import { DiskPrefixes } from "./disk-prefixes.js";
import { openScratch } from "./scratch.js";

const sproutPath = fileURLToPath(new URL("../../../../../models/sprout/sprout-3m-q8_0.gguf", import.meta.url));
const PROMPT_TOKENS = 400;
const engine = createLlamaEngine({ clock: systemClock });
let directory: string;
let prefixes: DiskPrefixes;
let sprout: LoadedModel;

const load = () =>
  engine.load(
    { buildId: "sprout", path: sproutPath },
    { sequences: 1, contextLength_tokens: 1024, threads_max: 1, gpuLayers: 0, prefixes: prefixes.of("sprout") },
  );

beforeAll(async () => {
  if (process.platform !== "linux") return;
  directory = await mkdtemp(path.join(tmpdir(), "umbel-prefixes-"));
  const scratch = (name: string) => openScratch(`/dev/shm/umbel-test-${randomBytes(8).toString("hex")}-${name}`);
  prefixes = new DiskPrefixes({
    directory,
    bytes_max: 2 ** 28,
    scratch: { out: scratch("out"), back: scratch("back") },
    clock: systemClock,
  });
  sprout = await load();
});
afterAll(async () => {
  await engine.dispose();
  await prefixes?.close();
  if (directory !== undefined) await rm(directory, { recursive: true });
});

const promptOf = (seed: number) => Int32Array.from({ length: PROMPT_TOKENS }, (_, i) => 300 + ((seed * 37 + i * (seed + 11)) % 1000));

function generate(seed: number, cacheScope: string): Generation {
  return sprout.generate({ tokens: promptOf(seed), maxTokens: 12, sampling: { temperature: 0 }, cacheScope });
}

async function answer(seed: number, scope: string): Promise<{ cachedTokens: number; ids: number[] }> {
  const ids: number[] = [];
  let cachedTokens = -1;
  for await (const event of generate(seed, scope).events) {
    if (event.type === "started") cachedTokens = event.cachedTokens;
    if (event.type === "token") ids.push(event.id);
  }
  await prefixes.of("sprout").settled();
  return { cachedTokens, ids };
}

describe.skipIf(process.platform !== "linux")("a prompt whose sequence another one took", () => {
  it("comes back from the disk with the same answer, for its own scope alone", async () => {
    const first = await answer(1, "a");
    expect((await answer(2, "b")).cachedTokens).toBe(0);
    expect(await readdir(directory)).toHaveLength(1);
    expect((await answer(1, "c")).cachedTokens).toBe(0);
    const again = await answer(1, "a");
    expect(again).toEqual({ cachedTokens: PROMPT_TOKENS - 1, ids: first.ids });
  });

  it("is still known when the model has left memory and come back", async () => {
    const first = await answer(3, "a");
    await sprout.dispose();
    await prefixes.of("sprout").settled();
    sprout = await load();
    expect(await answer(3, "a")).toEqual({ cachedTokens: PROMPT_TOKENS - 1, ids: first.ids });
  });

  it("can be cancelled while it is on its way, and the sequence is free for the next", async () => {
    await answer(4, "a");
    await answer(5, "b");
    const cancelled = generate(4, "a");
    await cancelled.cancel();
    for await (const event of cancelled.events) expect(event).toEqual({ type: "end", reason: "cancelled" });
    const again = await answer(4, "a");
    expect(again.cachedTokens).toBe(PROMPT_TOKENS - 1);
  });
});
