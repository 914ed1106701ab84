import type { Command } from "commander";

export function addCoordinatorCommand(program: Command): void {
  program
    .command("coordinator")
    .description("run a coordinator with its database, and wait for providers")
    .option("--port <number>", "port of the API and of the provider socket (default: UMBEL_PORT, else 8080)")
    .option("--host <address>", "address to listen on (default: UMBEL_HOST, else 127.0.0.1)")
    .option("--home <directory>", "where state is kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object once ready; log lines go to standard error")
    .action(async (options) => (await import("../run/coordinator.js")).runCoordinator(options));
}
