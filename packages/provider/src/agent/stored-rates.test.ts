import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Hardware, ModelInfo } from "@umbel/protocol";
import { afterEach, beforeEach, expect, it } from "vitest";
import { conditionsOf, readMeasuredRates, storeMeasuredRates } from "./stored-rates.js";

const info = { id: "oak-7b", weight_hash: "a".repeat(64) } as ModelInfo;
const engine = { kind: "llama.cpp" } as const;
const hardware: Hardware = {
  ...{ platform: "linux", arch: "x64", os_version: "6.1", chip_name: "Chip", compute_class: "cpu", memory_gb: 8, cpu_cores: 4, gpus: [] },
} as Hardware;
const rates = { prefill_tps: 100, decode_tps: 10 };
const measuredAt = new Date("2026-01-02T03:04:05Z");

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-rates-"));
});
afterEach(() => rm(home, { recursive: true }));

it("keeps figures as long as model, engine and machine are the same", async () => {
  expect(await readMeasuredRates(home, [info], engine, hardware)).toEqual({});
  await storeMeasuredRates(home, info.id, { conditions: conditionsOf(info, engine, hardware), measuredAt, rates });
  expect(await readMeasuredRates(home, [info], engine, hardware)).toEqual({ "oak-7b": rates });
  expect(await readMeasuredRates(home, [info], engine, { ...hardware, memory_gb: 7.9, os_version: "6.2" })).toEqual({ "oak-7b": rates });
  expect(await readMeasuredRates(home, [{ ...info, weight_hash: "b".repeat(64) }], engine, hardware)).toEqual({});
  expect(await readMeasuredRates(home, [info], { ...engine, threads_max: 2 }, hardware)).toEqual({});
  expect(await readMeasuredRates(home, [info], engine, { ...hardware, cpu_cores: 8 })).toEqual({});
});

it("does without a file that cannot be read, and keeps no more builds than it should", async () => {
  await writeFile(path.join(home, "benchmarks.json"), "{");
  for (let i = 0; i < 65; i++) {
    const at = new Date(measuredAt.getTime() + i * 1_000);
    await storeMeasuredRates(home, `b${i}`, { conditions: conditionsOf(info, engine, hardware), measuredAt: at, rates });
  }
  const infos = Array.from({ length: 65 }, (_, i) => ({ ...info, id: `b${i}` }));
  const kept = Object.keys(await readMeasuredRates(home, infos, engine, hardware));
  expect(kept).toHaveLength(64);
  expect(kept).not.toContain("b0");
});
