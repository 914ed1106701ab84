import { ledgerRepository, sqlState, type Tx } from "../store/index.js";
import { AMOUNT_MICRO_USD_MAX } from "./hold.js";
import { IdempotencyConflictError, type MicroUsd } from "./types.js";

/** SQLSTATE that the database's own functions raise. */
const IDEMPOTENCY_CONFLICT = "UM001";
const CHECK_VIOLATION = "23514";

/** What an entry is, as statements and exports name it (money.md §5). */
export type EntryType =
  | "deposit"
  | "stripe_deposit"
  | "charge"
  | "refund"
  | "payout"
  | "platform_fee"
  | "referral_reward"
  | "invite_credit"
  | "admin_credit"
  | "admin_reward"
  | "provider_floor_draw"
  | "stripe_payout"
  | "chain_payout"
  | "withdrawal_fee"
  | "chargeback"
  | "deposit_refund"
  | "adjustment"
  | "migration"
  | "erasure_forfeit";

export interface Entry {
  /**
   * Of a person, or of the house (money.md §5): `platform`, `sys:fees:0` to `sys:fees:15`, `sys:stripe`, `sys:chain`, `sys:promo`, `sys:rewards`, `sys:unclaimed`,
   * `sys:baddebt`. Those of the house may be negative, and nobody spends them.
   */
  readonly accountId: string;
  readonly type: EntryType;
  /** Above zero comes in, below zero goes out. */
  readonly amount_microUsd: MicroUsd;
  /**
   * By how much the entry changes what can be withdrawn. Absent goes by the rule: what comes in cannot be withdrawn, what goes out takes from
   * earnings only what the rest of the balance does not cover.
   */
  readonly withdrawable_microUsd?: MicroUsd;
}

export interface Posting {
  readonly kind: string;
  /** A repetition with equal content changes nothing; with other content it is refused. */
  readonly idempotencyKey: string;
  readonly reference: string;
  /** They sum to zero. */
  readonly entries: readonly Entry[];
}

/** The posting would take more from an account than it has besides what is held, or more earnings than it has. Nothing was moved. */
export class InsufficientFundsError extends Error {
  override readonly name = "InsufficientFundsError";
}

/**
 * Moves money as a part of `tx`, so that it happens together with what it is for, or not at all.
 *
 * @param at when it counts
 * @returns false when the same posting was there already
 * @throws RangeError an amount is zero, or beyond ±10^15 µUSD
 * @throws IdempotencyConflictError another posting has the key; `tx` is lost
 * @throws InsufficientFundsError see there; `tx` is lost
 */
export async function post(tx: Tx, posting: Posting, at: Date): Promise<boolean> {
  for (const { amount_microUsd: amount } of posting.entries) {
    if (amount === 0n || amount > AMOUNT_MICRO_USD_MAX || amount < -AMOUNT_MICRO_USD_MAX) {
      throw new RangeError("an entry must be other than zero and at most 10^15 µUSD");
    }
  }
  try {
    return await ledgerRepository.post(tx, { ...posting, at });
  } catch (cause) {
    const state = sqlState(cause);
    if (state === IDEMPOTENCY_CONFLICT)
      throw new IdempotencyConflictError(`another posting has the key ${posting.idempotencyKey}`, { cause });
    if (state === CHECK_VIOLATION) throw new InsufficientFundsError("an account has not as much", { cause });
    throw cause;
  }
}
