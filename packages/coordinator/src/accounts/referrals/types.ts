import type { Tx } from "../../store/index.js";

/** Of a referral code, besides its form. */
export const RESERVED_CODES: ReadonlySet<string> = new Set(
  "ADMIN ADMINISTRATOR API BILLING HELP INFO INVITE LEGAL MODERATOR NULL OFFICIAL OPERATOR PLATFORM ROOT SECURITY STAFF STRIPE SUPPORT SYSTEM TEAM TEST UMBEL UNDEFINED".split(
    " ",
  ),
);

export interface ReferralFigures {
  readonly code: string;
  /** Accounts that came with the code. */
  readonly referred: number;
  readonly rewards_microUsd: bigint;
}

/** Who brings others to the network. What that earns is booked with each charge, by the ledger. */
export interface Referrals {
  /** Share of the operator's part that goes to whoever brought the payer. */
  readonly share_percent: number;
  /** The account's code: this one, or the one that it had before. */
  register(accountId: string, code: string): Promise<string>;
  /** Notes who brought the account: once, for ever. @returns the code as it is kept */
  apply(accountId: string, code: string): Promise<string>;
  /** Whether a code, as it is kept, is somebody's. */
  isKnown(code: string): Promise<boolean>;
  /** The same as a part of `tx`, for whom nobody has brought yet; nothing for others. */
  applyIn(tx: Tx, accountId: string, code: string): Promise<void>;
  /** Undefined when the account has no code. */
  figures(accountId: string): Promise<ReferralFigures | undefined>;
  /** The account's own code, and the one it was brought by. */
  info(accountId: string): Promise<{ readonly code: string | undefined; readonly referredBy: string | undefined }>;
}

/**
 * - `invalid`, `reserved`, `taken`: of a code that somebody wants
 * - `unknown`: there is no such code
 * - `self`: one's own
 * - `cycle`: of somebody whom one has brought oneself
 * - `referred`: the account was brought by somebody already
 */
export type ReferralErrorCode = "invalid" | "reserved" | "taken" | "unknown" | "self" | "cycle" | "referred";

export class ReferralError extends Error {
  override readonly name = "ReferralError";

  constructor(
    readonly code: ReferralErrorCode,
    message: string,
  ) {
    super(message);
  }
}
