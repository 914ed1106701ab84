import type { KeyRecord } from "@umbel/coordinator";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { parseUsd } from "../money.js";
import { withMoneyAndAccounts } from "../offline-store.js";
import { createOutput, table } from "../output.js";

export interface KeysOptions {
  readonly home?: string;
  readonly account: string;
  readonly json?: boolean;
}

export interface CreateOptions extends KeysOptions {
  readonly name?: string;
  readonly limitUsd?: string;
  readonly models?: string;
  readonly expires?: string;
  readonly provider?: boolean;
}

/** `umbel keys list`. */
export async function listKeys(options: KeysOptions): Promise<void> {
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
}

/** `umbel keys revoke`. */
export async function revokeKey(id: string, options: KeysOptions): Promise<void> {
  const output = createOutput(options);
  const revoked = await withMoneyAndAccounts(resolveHome(options.home), ({ accounts }) => accounts.revokeKey(options.account, id));
  if (!revoked)
    throw new CliError(`The account "${options.account}" has no key ${id}.`, EXIT_CODES.failure, "See its keys with: umbel keys list");
  output.result({ id, status: "revoked" });
  output.line(`Revoked ${id}.`);
}

/** `umbel keys create`. */
export async function createKey(options: CreateOptions): Promise<void> {
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

function publicRecord(key: KeyRecord): object {
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
