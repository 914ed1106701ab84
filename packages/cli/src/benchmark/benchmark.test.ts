import type { BenchmarkReport } from "@umbel/provider";
import { expect, it } from "vitest";
import { benchmarkPage } from "./benchmark-page.js";
import { benchmarkTables } from "./benchmark-table.js";

const report = {
  ...{
    model: "oak-7b<q8>",
    weight_hash: "a".repeat(64),
    sequences: 2,
    context_tokens: 1_152,
    load_ms: 5,
    measured_at: "2026-01-02T03:04:05Z",
  },
  hardware: {
    ...{ platform: "linux", arch: "x64", os_version: "6", chip_name: "Chip", compute_class: "cpu", memory_gb: 8, cpu_cores: 4, gpus: [] },
  },
  ...{ prefill_tps: 256, decode_tps: 10 },
  prefill: [{ prompt_tokens: 128, tokens_per_second: 256, elapsed_ms: 500 }],
  decode: [
    { batch: 1, context_tokens: 128, tokens_per_second: 10, elapsed_ms: 6_400 },
    { batch: 2, context_tokens: 128, tokens_per_second: 18, elapsed_ms: 7_100 },
  ],
  notes: ["512 tokens: the model's context here is 256"],
} as unknown as BenchmarkReport;

it("prints both tables", () => {
  expect(benchmarkTables(report)).toBe(
    [
      "PROMPT TOKENS  READ TOKENS/S  TIME",
      "128            256            500 ms",
      "",
      "ANSWERS  TOKENS BEFORE  WRITTEN TOKENS/S  EACH",
      "1        128            10.0              10.0",
      "2        128            18.0              9.0",
    ].join("\n"),
  );
});

it("draws a page that fetches nothing and runs nothing of what it shows", () => {
  const page = benchmarkPage(report);
  expect(page).toContain("oak-7b&lt;q8&gt;");
  expect(page).not.toMatch(/<script src|<link|https?:/);
  expect(page.match(/<svg/g)).toHaveLength(3);
  expect(page).toContain('"counts":"answers"');
  expect(page).toContain("512 tokens: the model&#39;s context here is 256".replace("&#39;", "'"));
});
