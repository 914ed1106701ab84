import type { Command } from "commander";

export function addBenchmarkCommand(provider: Command): void {
  provider
    .command("benchmark")
    .description("how fast this machine reads and writes, by answers at a time and length; the next start registers it")
    .option("--model <directory or id>", "what to measure (default: the largest of those served that fits)")
    .option("--batch <numbers>", "answers at a time", "1,2,4,8,16")
    .option("--context <numbers>", "tokens that are read before", "128,512,2048")
    .option("--decode-tokens <number>", "tokens of each answer", "64")
    .option("--full", "also what takes longer than a minute to read")
    .option("--html <file>", "write a page with plots")
    .option("--force", "measure beside a provider that runs")
    .option("--config <file>", "settings of this provider (default: provider.toml in the Umbel home)")
    .option("--home <directory>", "where keys and models are kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object; progress goes to standard error")
    .action(async (options) => (await import("../run/provider-benchmark.js")).benchmarkProvider(options));
}
