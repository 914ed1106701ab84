import type { Command } from "commander";
import { LOCAL_ACCOUNT } from "../local-accounts.js";

export function addKeysCommands(program: Command): void {
  const keys = program.command("keys").description("API keys of accounts on this coordinator (works on its database, running or not)");

  shared(keys.command("create").description("make a new API key; its secret is shown once"))
    .option("--name <text>", "what the key is for")
    .option("--limit-usd <amount>", "most that the key may spend in all, in USD")
    .option("--models <names>", "only these models, separated by commas")
    .option("--expires <date>", "when the key stops working, e.g. 2027-01-31 or 2027-01-31T12:00:00Z")
    .option("--provider", "make a provider token instead: a machine that registers with it earns for the account")
    .action(async (options) => (await import("../run/keys.js")).createKey(options));

  shared(keys.command("list").description("the account's API keys, newest first")).action(async (options) =>
    (await import("../run/keys.js")).listKeys(options),
  );

  shared(keys.command("revoke").description("make a key stop working, at once and for good"))
    .argument("<id>", "id of the key, as `umbel keys list` shows it")
    .action(async (id, options) => (await import("../run/keys.js")).revokeKey(id, options));
}

function shared(command: Command): Command {
  return command
    .option("--account <id>", "account the key belongs to", LOCAL_ACCOUNT)
    .option("--home <directory>", "Umbel home of the coordinator (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object");
}
