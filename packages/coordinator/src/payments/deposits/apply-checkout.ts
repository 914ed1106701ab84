import { post } from "../../ledger/index.js";
import { type DepositRow, depositRepository, type Tx } from "../../store/index.js";
import type { OnPaymentEvent } from "../events.js";
import { errorText } from "../outbox/error-text.js";
import type { CheckoutSession } from "../stripe/stripe-objects.js";

/** Who brings whom; another folder's programme. */
export interface Referrals {
  /** Whether a code, in upper case, is somebody's. */
  isKnown(code: string): Promise<boolean>;
  /** As part of `tx`; whoever has a referrer keeps him. */
  apply(tx: Tx, accountId: string, code: string): Promise<void>;
}

export interface CheckoutContext {
  readonly referrals: Referrals | undefined;
  readonly onEvent: OnPaymentEvent;
  readonly at: Date;
}

/** `failed`: a payment that was promised has not come. */
export type CheckoutNews = "as_it_is" | "failed";

/** The deposit that a payment page was made for, if it is one of ours. */
export function depositOf(metadata: Readonly<Record<string, string>>): string | undefined {
  return metadata["app"] === "umbel" ? metadata["billing_session_id"] : undefined;
}

/**
 * Brings a deposit to the state that its payment page is in: credited once when it is paid, expired when it never will be. What was credited
 * stays, whatever comes later and in whatever order.
 */
export async function applyCheckout(tx: Tx, session: CheckoutSession, news: CheckoutNews, context: CheckoutContext): Promise<void> {
  const id = depositOf(session.metadata);
  const row = id === undefined ? undefined : await depositRepository.lock(tx, id);
  if (row === undefined || row.status === "completed" || row.status === "needs_review") return;
  const mismatch = mismatchOf(row, session);
  const paymentIntentId = session.payment_intent ?? row.paymentIntentId;
  if (mismatch !== undefined) {
    await depositRepository.update(tx, row.id, { status: "needs_review", reviewReason: mismatch, paymentIntentId });
    context.onEvent({ type: "deposit_review", depositId: row.id, reason: mismatch });
  } else if (session.payment_status === "paid") {
    await credit(tx, row, session, paymentIntentId, context);
  } else if (news === "failed" || session.status === "expired") {
    await depositRepository.update(tx, row.id, { status: "expired", externalId: session.id, paymentIntentId });
  } else if (row.status === "creating") {
    await depositRepository.update(tx, row.id, { status: "pending", externalId: session.id, paymentIntentId });
  }
}

/** Metadata is a cross-check: what was asked for stands in our own row. */
function mismatchOf(row: DepositRow, session: CheckoutSession): string | undefined {
  if (row.externalId !== null && row.externalId !== session.id) return "another payment page claims to be for this deposit";
  if (session.metadata["consumer_key"] !== row.accountId) return "the payment page names another account";
  if (session.payment_status !== "paid") return undefined;
  if (session.currency !== "usd") return "it was paid in another currency";
  return session.amount_total === row.amount_cents ? undefined : "another amount was paid than was asked for";
}

async function credit(
  tx: Tx,
  row: DepositRow,
  session: CheckoutSession,
  paymentIntentId: string | null,
  { referrals, onEvent, at }: CheckoutContext,
): Promise<void> {
  const { accountId, amount_microUsd } = row;
  const posting = {
    kind: "stripe_deposit",
    idempotencyKey: `deposit:${session.id}`,
    reference: `stripe:${session.id}`,
    entries: [
      { accountId, type: "stripe_deposit", amount_microUsd },
      { accountId: "sys:stripe", type: "stripe_deposit", amount_microUsd: -amount_microUsd },
    ],
  } as const;
  await post(tx, posting, at);
  await depositRepository.update(tx, row.id, { status: "completed", externalId: session.id, paymentIntentId, completedAt: at });
  onEvent({ type: "deposit_credited", depositId: row.id, amount_microUsd });
  const { referralCode } = row;
  if (referrals === undefined || referralCode === null) return;
  try {
    // A savepoint: that nobody is rewarded must not undo the deposit.
    await tx.transaction((savepoint) => referrals.apply(savepoint, accountId, referralCode));
  } catch (error) {
    onEvent({ type: "referral_apply_failed", depositId: row.id, error: errorText(error) });
  }
}
