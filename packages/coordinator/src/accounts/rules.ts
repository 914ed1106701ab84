import { AccountsError, type AccountsField } from "./accounts-error.js";
import type { KeyChange, KeyRecord, NewKey } from "./types.js";

/** Sources: money.md §3; the spend limit and the account id: api.md §21 and the schema of the store. */
export const ACCOUNT_LIMITS = {
  accountId_characters_max: 128,
  displayName_characters_max: 200,
  /** Of a key's name and a provider token's label. */
  name_characters_max: 100,
  allowedModels_max: 100,
  modelName_characters_max: 200,
  /** A million USD. */
  spend_microUsd_max: 1_000_000_000_000n,
  /** Requests or tokens per minute; what a column holds. */
  perMinute_max: 2_147_483_647,
  keysPerAccount_max: 1000,
  providerTokensPerAccount_max: 10_000,
} as const;

const RESETS: readonly unknown[] = ["none", "daily", "weekly", "monthly"] satisfies readonly KeyRecord["limitReset"][];
/** ISO 8601 with four digits of year is what Postgres reads. */
const EXPIRY_END_MS = Date.UTC(10_000, 0);
const ACCOUNT_ID = new RegExp(`^[A-Za-z0-9._:@-]{1,${ACCOUNT_LIMITS.accountId_characters_max}}$`);
/** Names of the ledger's own accounts and of the operator's credential. */
const RESERVED_ACCOUNT_ID = /^(?:platform|admin|sys:.*)$/;
/** Control characters and halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

type Policy = Required<Omit<NewKey, "accountId">>;

/** @throws AccountsError */
export function checkAccountId(accountId: string): void {
  if (ACCOUNT_ID.test(accountId) && !RESERVED_ACCOUNT_ID.test(accountId)) return;
  const characters = "letters, digits and . _ : @ -";
  const rule = `1 to ${ACCOUNT_LIMITS.accountId_characters_max} of ${characters}, and not a name that the ledger reserves`;
  throw new AccountsError("invalid", "account_id", rule);
}

/** @throws AccountsError */
export function checkedText(field: AccountsField, text: string, characters_max: number): string {
  const trimmed = text.trim();
  if (Array.from(trimmed).length > characters_max || UNPRINTABLE.test(trimmed)) {
    throw new AccountsError("invalid", field, `at most ${characters_max} printable characters`);
  }
  return trimmed;
}

/** An unnamed key without limits. */
const NO_LIMITS: Policy = {
  name: "",
  limit_microUsd: null,
  limitReset: "none",
  rpmLimit: null,
  itpmLimit: null,
  otpmLimit: null,
  allowedModels: [],
  selfRouteOnly: false,
  expiresAt: null,
};

/** @throws AccountsError */
export function checkedPolicy({ accountId: _owner, ...policy }: NewKey, now: Date): Policy {
  return { ...NO_LIMITS, ...checkedChange(policy, now) };
}

/** The fields that are there, checked; what stays as it is is not judged again. @throws AccountsError */
export function checkedChange(change: KeyChange, now: Date): KeyChange {
  const { name, limit_microUsd, limitReset, allowedModels, expiresAt } = change;
  if (limit_microUsd != null && (limit_microUsd < 0n || limit_microUsd > ACCOUNT_LIMITS.spend_microUsd_max)) {
    throw new AccountsError("invalid", "limit_usd", `from 0 to ${ACCOUNT_LIMITS.spend_microUsd_max / 1_000_000n}`);
  }
  if (limitReset !== undefined && !RESETS.includes(limitReset)) {
    throw new AccountsError("invalid", "limit_reset", `one of ${RESETS.join(", ")}`);
  }
  checkPerMinute("rpm_limit", change.rpmLimit);
  checkPerMinute("itpm_limit", change.itpmLimit);
  checkPerMinute("otpm_limit", change.otpmLimit);
  if (expiresAt != null && !(expiresAt > now && expiresAt.getTime() < EXPIRY_END_MS)) {
    throw new AccountsError("invalid", "expires_at", "a time in the future, before the year 10000");
  }
  return {
    ...change,
    ...(name === undefined ? {} : { name: checkedText("name", name, ACCOUNT_LIMITS.name_characters_max) }),
    ...(allowedModels === undefined ? {} : { allowedModels: checkedModels(allowedModels) }),
  };
}

function checkPerMinute(field: AccountsField, value: number | null | undefined): void {
  const { perMinute_max } = ACCOUNT_LIMITS;
  if (value == null || (Number.isInteger(value) && value >= 1 && value <= perMinute_max)) return;
  throw new AccountsError("invalid", field, `a whole number from 1 to ${perMinute_max}`);
}

function checkedModels(names: readonly string[]): readonly string[] {
  const { allowedModels_max, modelName_characters_max } = ACCOUNT_LIMITS;
  const isName = (name: string) => name !== "" && name.length <= modelName_characters_max && !UNPRINTABLE.test(name);
  if (names.length <= allowedModels_max && names.every(isName)) return [...new Set(names)];
  throw new AccountsError(
    "invalid",
    "allowed_models",
    `at most ${allowedModels_max} names of 1 to ${modelName_characters_max} printable characters`,
  );
}
