import type { Command } from "commander";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { LOCAL_ACCOUNT } from "../local-accounts.js";
import { parseUsd } from "../money.js";
import { withMoneyAndAccounts } from "../offline-store.js";
import { createOutput, table } from "../output.js";

interface KeysOptions {
  readonly home?: string;
  readonly account: string;
  readonly json?: boolean;
}

interface CreateOptions extends KeysOptions {
  readonly name?: string;
  readonly limitUsd?: string;
  readonly models?: string;
  readonly expires?: string;
  readonly provider?: boolean;
}

export function addKeysCommands(program: Command): void {
  const keys = program.command("keys").description("API keys of accounts on this coordinator (works on its database, running or not)");

  shared(keys.command("create").description("make a new API key; its secret is shown once"))
    .option("--name <text>", "what the key is for")
    .option("--limit-usd <amount>", "most that the key may spend in all, in USD")
    .option("--models <names>", "only these models, separated by commas")
    .option("--expires <date>", "when the key stops working, e.g. 2027-01-31 or 2027-01-31T12:00:00Z")
    .option("--provider", "make a provider token instead: a machine that registers with it earns for the account")
    .action(create);

  shared(keys.command("list").description("the account's API keys, newest first")).action(async (options: KeysOptions) => {
    const output = createOutput(options);
    const records = await withMoneyAndAccounts(resolveHome(options.home), ({ accounts }) => accounts.listKeys(options.account));
    output.result({ object: "list", data: records.map(publicRecord) });
    output.line(
      records.length === 0
        ? `The account "${options.account}" has no API keys. Make one with: umbel keys create`
        : table(
            ["ID", "KEY", "NAME", "CREATED", "LAST USED"],
            records.map((key) => [key.id, key.label, key.name, key.createdAt.toISOString(), key.lastUsedAt?.toISOString() ?? "never"]),
          ),
    );
  });

  shared(
    keys
      .command("revoke")
      .description("make a key stop working, at once and for good")
      .argument("<id>", "id of the key, as `umbel keys list` shows it"),
  ).action(async (id: string, options: KeysOptions) => {
    const output = createOutput(options);
    const revoked = await withMoneyAndAccounts(resolveHome(options.home), ({ accounts }) => accounts.revokeKey(options.account, id));
    if (!revoked)
      throw new CliError(`The account "${options.account}" has no key ${id}.`, EXIT_CODES.failure, "See its keys with: umbel keys list");
    output.result({ id, status: "revoked" });
    output.line(`Revoked ${id}.`);
  });
}

function shared(command: Command): Command {
  return command
    .option("--account <id>", "account the key belongs to", LOCAL_ACCOUNT)
    .option("--home <directory>", "Umbel home of the coordinator (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object");
}

async function create(options: CreateOptions): Promise<void> {
  const output = createOutput(options);
  const home = resolveHome(options.home);
  if (options.provider === true) {
    const token = await withMoneyAndAccounts(home, async ({ accounts }) => {
      await accounts.ensureAccount(options.account, options.account);
      return accounts.issueProviderToken(options.account, options.name ?? "provider");
    });
    output.result({ provider_token: token, account: options.account });
    output.line(
      `Provider token: ${token}\nIt is shown once. Start a machine with: UMBEL_PROVIDER_TOKEN=<token> umbel provider start --foreground --coordinator <url>`,
    );
    return;
  }
  const policy = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.limitUsd === undefined ? {} : { limit_microUsd: parseUsd(options.limitUsd) }),
    ...(options.models === undefined ? {} : { allowedModels: options.models.split(",").map((name) => name.trim()) }),
    ...(options.expires === undefined ? {} : { expiresAt: parseDate(options.expires) }),
  };
  const { secret, record } = await withMoneyAndAccounts(home, async ({ accounts }) => {
    await accounts.ensureAccount(options.account, options.account);
    return accounts.createKey({ accountId: options.account, ...policy });
  });
  output.result({ key: secret, data: publicRecord(record) });
  output.line(`API key: ${secret}\nIt is shown once. Id: ${record.id}`);
}

type Record = Awaited<ReturnType<import("@umbel/coordinator").Accounts["listKeys"]>>[number];

function publicRecord(key: Record): object {
  return {
    id: key.id,
    name: key.name,
    label: key.label,
    disabled: key.disabled,
    limit_usd: key.limit_microUsd === null ? null : Number(key.limit_microUsd) / 1_000_000,
    limit_reset: key.limitReset,
    allowed_models: key.allowedModels,
    expires_at: key.expiresAt?.toISOString() ?? null,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}

function parseDate(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new CliError(`"${text}" is not a date.`, EXIT_CODES.usage, "Write it like 2027-01-31 or 2027-01-31T12:00:00Z.");
  return date;
}
