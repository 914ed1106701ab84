import type { Command } from "commander";

export function addAdminCommands(program: Command): void {
  const admin = program.command("admin").description("what the operator of a coordinator may do to its accounts");
  admin
    .command("credit")
    .description("give money to an account, as one balanced transaction")
    .requiredOption("--account <id>", "account to credit")
    .requiredOption("--usd <amount>", "how much, e.g. 5 or 2.50")
    .option("--reference <text>", "why; kept in the ledger", "manual credit")
    .option("--idempotency-key <key>", "repeating a command with the same key credits once (default: a new key)")
    .option("--home <directory>", "Umbel home of the coordinator (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object")
    .action(async (options) => (await import("../run/admin.js")).creditAccount(options));
}
