import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServedModels, serveModels } from "./serve-models.js";
import { memoryGrowth, soak } from "./soak.js";

const folder = (name: string) => fileURLToPath(new URL(`../../../../../models/${name}`, import.meta.url));
let home: string;
let served: ServedModels;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-soak-"));
  served = await serveModels([folder("sprout"), folder("sprout"), folder("sprout-embed")], { home, sequences: 4, models_max: 2 });
});
afterAll(async () => {
  await served.close();
  await rm(home, { recursive: true });
});

describe("three models with room for two", () => {
  it("answer, cancel, load and unload, and leave nothing behind", { timeout: 60_000 }, async () => {
    const result = await soak(served, { requests: 24, perPair: 8, duration_ms: 0, measure_bytes: async () => process.memoryUsage.rss() });
    expect(result.failed).toEqual([]);
    expect(result.held).toEqual([]);
    expect(result.requests).toBe(24);
    expect(result.completed + result.cancelled).toBe(24);
    expect(result.cancelled).toBeGreaterThan(0);
    expect(result.cycles).toHaveLength(1);
  });

  it("are said to grow when their memory does", () => {
    const cycles = (bytes: readonly number[]) => bytes.map((memory_bytes, i) => ({ requests: i, memory_bytes }));
    expect(memoryGrowth(cycles([50, 100, 100, 100, 100]))).toBe(0);
    expect(memoryGrowth(cycles([50, 60, 100, 100, 100, 100, 100, 100, 109, 110]))).toBeCloseTo(0.1);
  });
});
