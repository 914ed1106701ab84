import { createSessions, type KeyChange, type KeyRecord, ownIdentity, SESSION_LIMITS } from "@umbel/coordinator";
import { systemClock } from "@umbel/protocol/native";
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

/** What a key may do; `none` takes a limit away. */
export interface PolicyOptions {
  readonly name?: string;
  readonly limitUsd?: string;
  readonly limitReset?: string;
  readonly rpm?: string;
  readonly itpm?: string;
  readonly otpm?: string;
  readonly models?: string;
  readonly expires?: string;
  readonly ownMachinesOnly?: boolean;
}

export interface CreateOptions extends KeysOptions, PolicyOptions {
  readonly provider?: boolean;
}

export interface UpdateOptions extends KeysOptions, PolicyOptions {
  readonly anyMachine?: boolean;
  readonly disable?: boolean;
  readonly enable?: boolean;
}

export interface SessionOptions extends KeysOptions {
  readonly ttl: string;
}

/** Takes a limit away. */
const NONE = "none";

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
      `Provider token: ${token}\nIt is shown once. Start a machine with: UMBEL_PROVIDER_TOKEN=<token> umbel provider start --coordinator <url>`,
    );
    return;
  }
  const { secret, record } = await withMoneyAndAccounts(home, async ({ accounts }) => {
    await accounts.ensureAccount(options.account, options.account);
    return accounts.createKey({ ...policyOf(options), accountId: options.account });
  });
  output.result({ key: secret, data: publicRecord(record) });
  output.line(`API key: ${secret}\nIt is shown once. Id: ${record.id}`);
}

/** `umbel keys show`. */
export async function showKey(id: string, options: KeysOptions): Promise<void> {
  const record = await withMoneyAndAccounts(resolveHome(options.home), ({ accounts }) => accounts.getKey(options.account, id));
  print(found(record, id, options), options);
}

/** `umbel keys update`. */
export async function updateKey(id: string, options: UpdateOptions): Promise<void> {
  if (options.disable === true && options.enable === true) {
    throw new CliError("A key cannot be both disabled and enabled.", EXIT_CODES.usage, "Use one of --disable and --enable.");
  }
  const change: KeyChange = {
    ...policyOf(options),
    ...(options.anyMachine === true ? { selfRouteOnly: false } : {}),
    ...(options.disable === true ? { disabled: true } : {}),
    ...(options.enable === true ? { disabled: false } : {}),
  };
  if (Object.keys(change).length === 0) {
    throw new CliError("There is nothing to change.", EXIT_CODES.usage, "See what can be changed with: umbel keys update --help");
  }
  const record = await withMoneyAndAccounts(resolveHome(options.home), ({ accounts }) => accounts.updateKey(options.account, id, change));
  print(found(record, id, options), options);
}

/** `umbel keys rotate`. */
export async function rotateKey(id: string, options: KeysOptions): Promise<void> {
  const output = createOutput(options);
  const rotated = await withMoneyAndAccounts(resolveHome(options.home), ({ accounts }) => accounts.rotateKey(options.account, id));
  const { secret, record } = found(rotated, id, options);
  output.result({ key: secret, data: publicRecord(record) });
  output.line(`API key: ${secret}\nIt is shown once, and takes the place of the old one, which is dead. Id: ${record.id}`);
}

/** `umbel session`: a token for routes that take no API key. Needs no running coordinator. */
export async function issueSession(options: SessionOptions): Promise<void> {
  const output = createOutput(options);
  const minutes = Number(options.ttl);
  const minutes_max = SESSION_LIMITS.ttl_ms_max / 60_000;
  if (!(minutes > 0 && minutes <= minutes_max)) {
    throw new CliError(`"${options.ttl}" is no number of minutes.`, EXIT_CODES.usage, `Give --ttl more than 0 and at most ${minutes_max}.`);
  }
  const identity = await ownIdentity(resolveHome(options.home));
  const token = await createSessions({ identity, clock: systemClock }).issue(options.account, minutes * 60_000);
  output.result({ token, account: options.account, expires_in_s: Math.round(minutes * 60) });
  output.line(token);
}

function found<Found>(key: Found | undefined, id: string, { account }: KeysOptions): Found {
  if (key !== undefined) return key;
  throw new CliError(`The account "${account}" has no key ${id}.`, EXIT_CODES.failure, "See its keys with: umbel keys list");
}

function print(record: KeyRecord, options: KeysOptions): void {
  const output = createOutput(options);
  const fields = publicRecord(record);
  output.result(fields);
  output.line(
    table(
      ["FIELD", "VALUE"],
      Object.entries(fields).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") || "all" : String(value ?? NONE)]),
    ),
  );
}

function policyOf(options: PolicyOptions): KeyChange {
  const { name, limitUsd, limitReset, rpm, itpm, otpm, models, expires } = options;
  return {
    ...(name === undefined ? {} : { name }),
    ...(limitUsd === undefined ? {} : { limit_microUsd: limitUsd === NONE ? null : parseUsd(limitUsd) }),
    ...(limitReset === undefined ? {} : { limitReset: limitReset as KeyRecord["limitReset"] }),
    ...(rpm === undefined ? {} : { rpmLimit: perMinute("--rpm", rpm) }),
    ...(itpm === undefined ? {} : { itpmLimit: perMinute("--itpm", itpm) }),
    ...(otpm === undefined ? {} : { otpmLimit: perMinute("--otpm", otpm) }),
    ...(models === undefined ? {} : { allowedModels: models === NONE ? [] : models.split(",").map((model) => model.trim()) }),
    ...(expires === undefined ? {} : { expiresAt: expires === NONE ? null : parseDate(expires) }),
    ...(options.ownMachinesOnly === true ? { selfRouteOnly: true } : {}),
  };
}

function perMinute(option: string, text: string): number | null {
  if (text === NONE) return null;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new CliError(`"${text}" is no whole number.`, EXIT_CODES.usage, `Give ${option} a number per minute, or none.`);
}

function publicRecord(key: KeyRecord): object {
  return {
    id: key.id,
    name: key.name,
    label: key.label,
    disabled: key.disabled,
    limit_usd: key.limit_microUsd === null ? null : Number(key.limit_microUsd) / 1_000_000,
    limit_reset: key.limitReset,
    rpm_limit: key.rpmLimit,
    itpm_limit: key.itpmLimit,
    otpm_limit: key.otpmLimit,
    allowed_models: key.allowedModels,
    self_route_only: key.selfRouteOnly,
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
