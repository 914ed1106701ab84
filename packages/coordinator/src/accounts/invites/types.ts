import type { InviteRow } from "../../store/index.js";
import type { AdminRequest } from "../administration/index.js";

export const INVITE_LIMITS = {
  /** What a code may be worth: 10,000 USD. */
  amount_microUsd_max: 10_000_000_000n,
  uses_max: 1_000_000,
  codesPerPage_max: 1_000,
  /** Codes that there are not, of one account in an hour. */
  misses_max: 10,
  missesCount_ms: 3_600_000,
} as const;

export type Invite = InviteRow;

export interface NewInvite {
  /** Made if absent. */
  readonly code?: string | undefined;
  readonly amount_microUsd: bigint;
  /** 0 is without end. */
  readonly uses_max: number;
  readonly expiresAt: Date | null;
}

/** Codes that are worth money to spend, which can never be withdrawn. */
export interface Invites {
  create(invite: NewInvite, request: AdminRequest): Promise<Invite>;
  /** Latest first, those behind the one of this code. */
  list(page: { readonly after: string | undefined; readonly limit: number }): Promise<readonly Invite[]>;
  /** From now on nobody redeems it. */
  deactivate(code: string, request: AdminRequest): Promise<void>;
  /** Money for the code, once an account. */
  redeem(accountId: string, code: string): Promise<{ readonly credited_microUsd: bigint; readonly balance_microUsd: bigint }>;
  /** Forgets misses that count no more. */
  sweep(): Promise<void>;
}

/**
 * - `unknown`, `inactive`, `expired`, `used_up`: of the code
 * - `redeemed`: by this account, before
 * - `too_many_misses`: the account has asked for too many codes that there are not
 * - `taken`: there is such a code
 * - `invalid`: a value breaks the rule that the message states
 */
export type InviteErrorCode = "unknown" | "inactive" | "expired" | "used_up" | "redeemed" | "too_many_misses" | "taken" | "invalid";

export class InviteError extends Error {
  override readonly name = "InviteError";

  constructor(
    readonly code: InviteErrorCode,
    message: string,
    /** Name of the field at fault in the API. */
    readonly field: string = "code",
  ) {
    super(message);
  }
}
