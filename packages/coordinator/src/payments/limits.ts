/** 1 cent in µUSD. */
export const CENT_microUsd = 10_000n;
export const USD_microUsd = 1_000_000n;

/** Source: money.md §11, §12. */
export const PAYMENT_LIMITS = {
  deposit_microUsd_min: 500_000n,
  withdrawal_microUsd_min: USD_microUsd,
  instantFee_bps: 150n,
  instantFee_microUsd_min: 500_000n,
  /** How long an answer to a withdrawal waits for the state that it reaches. */
  withdrawalAnswer_ms: 10_000,
  /** A payment page that nobody has come back from is looked at after so long. */
  undecided_ms: 15 * 60_000,
  /** Of those, at one look. */
  undecidedAtOnce_max: 200,
  list_default: 50,
  list_max: 200,
  clientKey_characters_max: 255,
  webhook_bytes_max: 1024 * 1024,
  /** Age of a signed event, and how far it may be ahead of our clock. */
  webhookTolerance_s: 300,
  /** How long a payout that cannot be made is tried before its transfer is taken back. */
  payout_ms: 72 * 3_600_000,
  /** Stripe keeps the answer to an idempotency key for a day: after that a repetition would be a new request. */
  idempotencyKept_ms: 23 * 3_600_000,
  /** How long a transfer that gets no clear answer is repeated before it is looked for. */
  transfer_ms: 24 * 3_600_000,
  /** Pause between two looks at a payout of which nothing is heard. */
  payoutCheck_ms: 6 * 3_600_000,
  /** For how long after it was sent a payout that has arrived may still come back, and the pause between two looks at it. */
  returns_ms: 10 * 24 * 3_600_000,
  returnCheck_ms: 24 * 3_600_000,
  /** Stripe tells of an event by its webhook within seconds: one so old that has not come is taken for lost. */
  eventLost_ms: 10 * 60_000,
  /** For how long Stripe keeps events. */
  eventsKept_ms: 30 * 24 * 3_600_000,
} as const;

/** What an instant payout costs, in whole cents, because nothing less can be paid out; a standard one is free. */
export function instantFee_microUsd(gross_microUsd: bigint): bigint {
  const share = (gross_microUsd * PAYMENT_LIMITS.instantFee_bps) / 10_000n;
  const fee = share > PAYMENT_LIMITS.instantFee_microUsd_min ? share : PAYMENT_LIMITS.instantFee_microUsd_min;
  return ((fee + CENT_microUsd - 1n) / CENT_microUsd) * CENT_microUsd;
}

/** Whole cents of an amount that is known to be whole cents. */
export function cents(amount_microUsd: bigint): number {
  if (amount_microUsd % CENT_microUsd !== 0n) throw new RangeError("the amount is not in whole cents");
  return Number(amount_microUsd / CENT_microUsd);
}
