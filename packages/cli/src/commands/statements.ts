import type { Command } from "commander";
import { asOwner } from "./own-account.js";

/** What moved on an account, by the month. */
export function addStatementCommands(program: Command): void {
  const run = () => import("../run/statements.js");
  const statements = program.command("statements").description("what moved on your account, by the month");
  asOwner(statements.command("list"))
    .description("months, latest first")
    .action(async (options) => (await run()).listStatements(options));
  asOwner(statements.command("show"))
    .description("a month's sums")
    .argument("[month]", "e.g. 2026-11 (default: this month)")
    .action(async (month, options) => (await run()).showStatement(month, options));
  asOwner(statements.command("save"))
    .description("a month as a file: every entry as CSV, or the sums as PDF")
    .argument("[month]", "e.g. 2026-11 (default: this month)")
    .option("--format <form>", "csv or pdf", "pdf")
    .option("-o, --output <file>", "where to (default: umbel-statement-<month>.<format> here)")
    .action(async (month, options) => (await run()).saveStatement(month, options));
}
