import type { Command } from "commander";
import { LOCAL_ACCOUNT } from "../local-accounts.js";

const DEFAULT_TTL_minutes = "60";

export function addKeysCommands(program: Command): void {
  const keys = program
    .command("keys")
    .description("API keys: of your account, where you have signed in (umbel login); else of accounts in this coordinator's database");

  policy(shared(keys.command("create").description("make a new API key; its secret is shown once")))
    .option("--provider", "make a provider token instead: a machine that registers with it earns for the account")
    .action(async (options) => (await import("../run/keys.js")).createKey(options));

  shared(keys.command("list").description("the account's API keys, newest first")).action(async (options) =>
    (await import("../run/keys.js")).listKeys(options),
  );

  withId(keys.command("show").description("one key and its limits")).action(async (id, options) =>
    (await import("../run/keys.js")).showKey(id, options),
  );

  policy(withId(keys.command("update").description("change a key's limits, at once; what is not named stays as it is")))
    .option("--any-machine", "the key may reach other people's machines again")
    .option("--disable", "the key stops working until it is enabled")
    .option("--enable", "a disabled key works again")
    .action(async (id, options) => (await import("../run/keys.js")).updateKey(id, options));

  withId(keys.command("rotate").description("give a key a new secret, shown once; the old one is dead at once")).action(
    async (id, options) => (await import("../run/keys.js")).rotateKey(id, options),
  );

  withId(keys.command("revoke").description("make a key stop working, at once and for good")).action(async (id, options) =>
    (await import("../run/keys.js")).revokeKey(id, options),
  );
}

export function addSessionCommand(program: Command): void {
  atHome(program.command("session").description("a token of somebody who has signed in, for the API routes that take no key (/v1/keys)"))
    .option("--account <id>", "account that is meant", LOCAL_ACCOUNT)
    .option("--ttl <minutes>", "minutes until it ends, at most 720", DEFAULT_TTL_minutes)
    .action(async (options) => (await import("../run/keys.js")).issueSession(options));
}

function policy(command: Command): Command {
  return command
    .option("--name <text>", "what the key is for")
    .option("--limit-usd <amount>", "most that the key may spend in its window, in USD; none takes the limit away")
    .option("--limit-reset <window>", "when spending counts from zero again: none, daily, weekly or monthly, at 00:00 UTC")
    .option("--rpm <number>", "requests per minute; none is the account's own limit")
    .option("--itpm <number>", "input tokens per minute; none is the account's own limit")
    .option("--otpm <number>", "output tokens per minute; none is the account's own limit")
    .option("--models <names>", "only these models, separated by commas; none is all")
    .option("--expires <date>", "when the key stops working, e.g. 2027-01-31 or 2027-01-31T12:00:00Z; none is never")
    .option("--own-machines-only", "the key reaches the account's own machines only, and spends nothing");
}

function withId(command: Command): Command {
  return shared(command).argument("<id>", "id of the key, as `umbel keys list` shows it");
}

function shared(command: Command): Command {
  return atHome(
    command
      .option("--account <id>", `account in the home's database that is meant (default: whoever has signed in, else ${LOCAL_ACCOUNT})`)
      .option("--coordinator <url>", "ask this coordinator's API (default: where you have signed in; else the home's database)")
      .option("--token <token>", "session token of the account, with --coordinator (default: that of umbel login)"),
  );
}

function atHome(command: Command): Command {
  return command.option("--home <directory>", "Umbel home (default: UMBEL_HOME, else ~/.umbel)").option("--json", "print one JSON object");
}
