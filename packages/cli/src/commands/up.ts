import type { Command } from "commander";

export function addUpCommand(program: Command): void {
  program
    .command("up")
    .description("run a whole network on this machine: database, coordinator, and a provider with the bundled model")
    .option("--port <number>", "port of the API", process.env["UMBEL_PORT"] ?? "8080")
    .option("--host <address>", "address to listen on", process.env["UMBEL_HOST"] ?? "127.0.0.1")
    .option("--home <directory>", "where state is kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object once ready, instead of text")
    .action(async (options) => (await import("../run/up.js")).up(options));
}
