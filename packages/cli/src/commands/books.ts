import type { Command } from "commander";
import { baseUrlOption } from "./base-url.js";

/** What an account has, and what it used. */
export function addBooksCommands(program: Command): void {
  asConsumer(program.command("balance"))
    .description("what the account of an API key can spend")
    .action(async (options) => (await import("../run/books.js")).showBalance(options));
  asConsumer(program.command("usage"))
    .description("what requests used and cost, summed")
    .option("--group <how>", "by day, model or key", "day")
    .option("--from <day>", "that day and later, e.g. 2026-05-01 (default: the last 30 days)")
    .option("--to <day>", "earlier than that day")
    .option("--key-id <id>", "only of this key")
    .option("--model <name>", "only of this model")
    .option("--list", "the requests themselves, latest first")
    .option("--limit <number>", "with --list: rows at most", "50")
    .action(async (options) => (await import("../run/books.js")).showUsage(options));
}

function asConsumer(command: Command): Command {
  return command
    .addOption(baseUrlOption())
    .option("--api-key <key>", "key of the account (default: UMBEL_API_KEY, else that of `npm start` on this machine)")
    .option("--home <directory>", "Umbel home (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object");
}
