import type { Command } from "commander";

/** Parallel answers of one model, unless said otherwise. */
const SEQUENCES = "16";

export function addProviderCommands(program: Command): void {
  const provider = program.command("provider").description("serve models from this machine");
  provider
    .command("start")
    .description("connect this machine to a coordinator and serve")
    .option("--foreground", "stay in the foreground; for now the only way to run")
    .option("--coordinator <url>", "coordinator to serve", process.env["UMBEL_PROVIDER_COORDINATOR"] ?? "http://127.0.0.1:8080")
    .option(
      "--model <directory or id>",
      "a model of umbel models list, or a directory with its manifest.json; repeatable (default: the bundled models and all that were downloaded)",
      (value, list: string[]) => [...list, value],
      [],
    )
    .option("--token <token>", "provider token of the account that earns (default: UMBEL_PROVIDER_TOKEN)")
    .option("--engine <name>", "llama.cpp, or scripted for tests", "llama.cpp")
    .option("--script <file>", "JSON file that says how the scripted engine behaves")
    .option("--sequences <number>", "answers of one model at the same time, 1 to 64", SEQUENCES)
    .option("--threads <number>", "most CPU threads for the model (default: physical cores less one)")
    .option(
      "--models-resident-max <number>",
      "models in memory at once, 1 to 64; others are loaded when asked for (default: as many as fit)",
    )
    .option("--models-memory-max-gb <number>", "memory that models may take together, in GiB (default: what the machine has)")
    .option("--private-only", "serve only the requests of the machine's own account")
    .option("--home <directory>", "where keys and models are kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object once registered; log lines go to standard error")
    .action(async (options) => (await import("../run/provider.js")).startProvider(options));
}
