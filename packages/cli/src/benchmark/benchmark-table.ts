import type { BenchmarkReport } from "@umbel/provider";
import { table } from "../output.js";

/** Both tables of a benchmark, for a terminal. */
export function benchmarkTables({ prefill, decode }: BenchmarkReport): string {
  const reading = prefill.map(({ prompt_tokens, tokens_per_second, elapsed_ms }) => [
    ...[String(prompt_tokens), formatRate(tokens_per_second), `${Math.round(elapsed_ms)} ms`],
  ]);
  const writing = decode.map(({ batch, context_tokens, tokens_per_second }) => [
    ...[String(batch), String(context_tokens), formatRate(tokens_per_second), formatRate(tokens_per_second / batch)],
  ]);
  return `${table(["PROMPT TOKENS", "READ TOKENS/S", "TIME"], reading)}\n\n${table(["ANSWERS", "TOKENS BEFORE", "WRITTEN TOKENS/S", "EACH"], writing)}`;
}

export function formatRate(tokens_per_second: number): string {
  return tokens_per_second.toFixed(tokens_per_second < 100 ? 1 : 0);
}
