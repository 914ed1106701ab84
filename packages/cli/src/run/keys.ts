import { createSessions, type KeyChange, type KeyRecord, ownIdentity, type PublicKey, SESSION_LIMITS } from "@umbel/coordinator";
import { systemClock } from "@umbel/protocol/native";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { LOCAL_ACCOUNT } from "../local-accounts.js";
import { parseUsd } from "../money.js";
import { readSettings, withMoneyAndAccounts } from "../offline-store.js";
import { createOutput, table } from "../output.js";
import { type DeskOptions, type KeyDesk, keyDesk } from "./key-desk.js";

export interface KeysOptions extends DeskOptions {
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

export interface SessionOptions {
  readonly home?: string;
  readonly account: string;
  readonly json?: boolean;
  readonly ttl: string;
}

const DAY_ms = 24 * 3_600_000;
/** Takes a limit away. */
const NONE = "none";

/** `umbel keys list`. */
export async function listKeys(options: KeysOptions): Promise<void> {
  const output = createOutput(options);
  const desk = await keyDesk(options);
  const keys = await desk.list();
  output.result({ object: "list", data: keys });
  output.line(
    keys.length === 0
      ? `${sentence(desk.whose)} has no API keys. Make one with: umbel keys create`
      : table(
          ["ID", "KEY", "NAME", "CREATED", "LAST USED"],
          keys.map(({ id, label, name, created_at, last_used_at }) => [id, label, name, created_at, last_used_at ?? "never"]),
        ),
  );
}

/** `umbel keys revoke`. */
export async function revokeKey(id: string, options: KeysOptions): Promise<void> {
  const output = createOutput(options);
  const desk = await keyDesk(options);
  found((await desk.revoke(id)) ? true : undefined, id, desk);
  output.result({ id, status: "revoked" });
  output.line(`Revoked ${id}.`);
}

/** `umbel keys create`. */
export async function createKey(options: CreateOptions): Promise<void> {
  const output = createOutput(options);
  if (options.provider === true) {
    if (options.coordinator !== undefined) {
      const remedy = "Run on the machine: umbel provider login --coordinator <url>";
      throw new CliError("Another coordinator's provider tokens come by linking a machine.", EXIT_CODES.usage, remedy);
    }
    const account = options.account ?? LOCAL_ACCOUNT;
    const home = resolveHome(options.home);
    const { providerTokenTtl_days } = readSettings({ home });
    const expiresAt = providerTokenTtl_days === 0 ? undefined : new Date(systemClock.date().getTime() + providerTokenTtl_days * DAY_ms);
    const token = await withMoneyAndAccounts(home, async ({ accounts }) => {
      await accounts.ensureAccount(account, account);
      return accounts.issueProviderToken(account, options.name ?? "provider", expiresAt);
    });
    output.result({ provider_token: token, account, expires_at: expiresAt?.toISOString() ?? null });
    const shown = expiresAt === undefined ? "It is shown once." : `It is shown once, and ends at ${expiresAt.toISOString()}.`;
    output.line(
      `Provider token: ${token}\n${shown} Start a machine with: UMBEL_PROVIDER_TOKEN=<token> umbel provider start --coordinator <url>`,
    );
    return;
  }
  const issued = await (await keyDesk(options)).create(policyOf(options));
  output.result(issued);
  output.line(`API key: ${issued.key}\nIt is shown once. Id: ${issued.data.id}`);
}

/** `umbel keys show`. */
export async function showKey(id: string, options: KeysOptions): Promise<void> {
  const desk = await keyDesk(options);
  print(found(await desk.get(id), id, desk), options);
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
  const desk = await keyDesk(options);
  print(found(await desk.update(id, change), id, desk), options);
}

/** `umbel keys rotate`. */
export async function rotateKey(id: string, options: KeysOptions): Promise<void> {
  const output = createOutput(options);
  const desk = await keyDesk(options);
  const issued = found(await desk.rotate(id), id, desk);
  output.result(issued);
  output.line(`API key: ${issued.key}\nIt is shown once, and takes the place of the old one, which is dead. Id: ${issued.data.id}`);
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

function found<Found>(key: Found | undefined, id: string, { whose }: KeyDesk): Found {
  if (key !== undefined) return key;
  throw new CliError(`${sentence(whose)} has no key ${id}.`, EXIT_CODES.failure, "See its keys with: umbel keys list");
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function print(fields: PublicKey, options: KeysOptions): void {
  const output = createOutput(options);
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

function parseDate(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new CliError(`"${text}" is not a date.`, EXIT_CODES.usage, "Write it like 2027-01-31 or 2027-01-31T12:00:00Z.");
  return date;
}
