import type { Command } from "commander";
import { asOwner } from "./own-account.js";

/** What people may ask about what is kept of them. */
export function addAccountDataCommands(program: Command): void {
  const run = () => import("../run/account-data.js");
  const account = program.command("account").description("what is kept of your account");
  asOwner(account.command("export"))
    .description("a copy of everything but secrets, as a zip of JSON files")
    .option("-o, --output <file>", "where to (default: umbel-account.zip here)")
    .action(async (options) => (await run()).exportAccount(options));
  asOwner(account.command("erase"))
    .description("schedule the account's end: keys and machines at once, everything personal after the time to think it over")
    .requiredOption("--confirm <address>", "the account's e-mail address, or its id where it has none")
    .option("--forfeit", "give up what is on it")
    .action(async (options) => (await run()).eraseAccount(options));
  asOwner(account.command("keep"))
    .description("let an account go on that is to be erased; its machines have to be linked anew")
    .action(async (options) => (await run()).keepAccount(options));
}
