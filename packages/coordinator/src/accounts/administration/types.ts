import type { JournalRow } from "../../store/index.js";

export const ADMINISTRATION_LIMITS = {
  /** Of an idempotency key. */
  keyCharacters_max: 200,
  /** Of a note or a reason. */
  noteCharacters_max: 200,
  usersPerPage_max: 200,
  entriesPerPage_max: 200,
  /** How long a key stands for what it was first used for. */
  keyKept_ms: 400 * 24 * 3_600_000,
} as const;

export const ROLES = ["", "service"] as const;
export type Role = (typeof ROLES)[number];

/** Who asks for a change, and under which key it happens once. */
export interface AdminRequest {
  /** `admin-key`, an account, or `command` for somebody at the machine itself. */
  readonly actor: string;
  /** Keyed hash of the address; undefined where it came from no network. */
  readonly ipHash: string | undefined;
  readonly idempotencyKey: string;
}

/** An account by its id, or by an e-mail address that one account has. */
export type AccountName = { readonly accountId: string } | { readonly email: string };

export interface Gift {
  readonly to: AccountName;
  readonly amount_microUsd: bigint;
  readonly note?: string | undefined;
}

/** An account after a change of its money. */
export interface AfterGift {
  readonly accountId: string;
  readonly email: string | null;
  readonly amount_microUsd: bigint;
  readonly balanceAfter_microUsd: bigint;
  readonly withdrawableAfter_microUsd: bigint;
}

/** An account after it went over to another. */
export interface Merged {
  readonly from: string;
  readonly into: string;
  readonly moved_microUsd: bigint;
  /** What went over with it, by kind, where there was any. */
  readonly rows: Readonly<Record<string, number>>;
}

export interface ListedUser {
  readonly accountId: string;
  readonly displayName: string;
  readonly email: string | null;
  readonly role: Role;
  /** Null takes the default. */
  readonly platformFeePercent: number | null;
  readonly frozenReason: string | null;
  readonly createdAt: Date;
  readonly erasedAt: Date | null;
  /** The account that it went over to. */
  readonly mergedInto: string | null;
  readonly balance_microUsd: bigint;
  readonly withdrawable_microUsd: bigint;
  readonly held_microUsd: bigint;
  readonly keys: number;
  readonly machines: number;
  /** When one of its keys was used. */
  readonly lastUsedAt: Date | null;
}

/** What operators do about accounts. Each change happens once an idempotency key, together with its row of the audit, or not at all. */
export interface Administration {
  /** Money to spend, which cannot be withdrawn. */
  credit(gift: Gift, request: AdminRequest): Promise<AfterGift>;
  /** Money as if earned, which can be withdrawn. */
  reward(gift: Gift, request: AdminRequest): Promise<AfterGift>;
  setRole(accountId: string, role: Role, request: AdminRequest): Promise<void>;
  /** @param percent 0 to 100; null takes the default */
  setPlatformFee(accountId: string, percent: number | null, request: AdminRequest): Promise<void>;
  /** From now on the account may neither ask models nor withdraw. @param reason null lets it again */
  setFrozen(accountId: string, reason: string | null, request: AdminRequest): Promise<void>;
  /**
   * Lets an account go over to another, for good: money, keys, machines, and what it did. Refused while its requests, withdrawals or disputes are
   * under way.
   */
  merge(from: string, into: string, request: AdminRequest): Promise<Merged>;
  /** @param prices µUSD per million tokens, both above zero */
  setListPrice(
    model: string,
    prices: { readonly input_microUsd: bigint; readonly output_microUsd: bigint },
    request: AdminRequest,
  ): Promise<void>;
  /** Those with the text in id, e-mail or name, by id. */
  users(search: { readonly text: string; readonly after: string | undefined; readonly limit: number }): Promise<readonly ListedUser[]>;
  /** What moved on an account, latest first, before an entry; undefined when there is no such account. */
  journal(
    accountId: string,
    page: { readonly before: number | undefined; readonly limit: number },
  ): Promise<readonly JournalRow[] | undefined>;
  /** Forgets idempotency keys that are old, and sends what came in for accounts that went over to others after them. */
  sweep(): Promise<void>;
}

/**
 * - `unknown_account`: there is none of this name, or it was erased
 * - `ambiguous_email`: several accounts have this address
 * - `key_reused`: the idempotency key stands for something else
 * - `not_now`: something is under way that must end first
 * - `invalid`: a value breaks the rule that the message states
 */
export type AdministrationErrorCode = "unknown_account" | "ambiguous_email" | "key_reused" | "not_now" | "invalid";

export class AdministrationError extends Error {
  override readonly name = "AdministrationError";

  constructor(
    readonly code: AdministrationErrorCode,
    message: string,
    /** Name of the field at fault in the API. */
    readonly field?: string,
  ) {
    super(message);
  }
}
