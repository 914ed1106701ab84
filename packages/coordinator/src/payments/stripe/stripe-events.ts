import type { Clock } from "@umbel/protocol";
import { z } from "zod";
import { type Tx, type WithdrawalRow, withdrawalRepository } from "../../store/index.js";
import { applyCheckout, type Referrals } from "../deposits/apply-checkout.js";
import { applyDispute, applyRefund } from "../deposits/reversals.js";
import type { OnPaymentEvent } from "../events.js";
import type { EventHandler } from "../inbox/inbox.js";
import type { Outbox } from "../outbox/outbox.js";
import type { WithdrawalBook } from "../withdrawals/withdrawal-book.js";
import { mirror } from "./connected-accounts.js";
import { account, charge, checkoutSession, dispute, type Payout, payout, type Transfer, transfer } from "./stripe-objects.js";
import { arrivalOf, createReturns, RETURNED, watch } from "./stripe-rail.js";

export interface StripeEventDependencies {
  readonly clock: Clock;
  readonly outbox: Pick<Outbox, "enqueue">;
  readonly book: WithdrawalBook;
  readonly referrals: Referrals | undefined;
  readonly onEvent: OnPaymentEvent;
}

const payload = z.object({
  created: z.iso.datetime(),
  account: z.string().nullable(),
  object: z.unknown(),
  /** Of a dispute: the deposit that its payment names. */
  depositId: z.string().optional(),
});

/** What each event does. They come in any order, and late: every one is judged by the state that it finds. */
export function createStripeEventHandler({ clock, outbox, book, referrals, onEvent }: StripeEventDependencies): EventHandler {
  const takeBackTransfer = createReturns({ outbox, book, clock });
  const context = () => ({ referrals, onEvent, at: clock.date() });

  async function rowOf(tx: Tx, { id, metadata }: Payout, from: string | null): Promise<WithdrawalRow | undefined> {
    const withdrawalId = (await withdrawalRepository.idOf(tx, { payoutId: id })) ?? metadata["withdrawal_id"];
    const row = withdrawalId === undefined ? undefined : await withdrawalRepository.lock(tx, withdrawalId);
    if (row === undefined) return undefined;
    if (row.destination === from && (row.payoutId === null || row.payoutId === id)) return row;
    onEvent({ type: "withdrawal_alert", withdrawalId: row.id, reason: "an event names it from another account, or for another payout" });
    return undefined;
  }

  async function payoutPaid(tx: Tx, heard: Payout, from: string | null): Promise<void> {
    const row = await rowOf(tx, heard, from);
    // A payout that has failed does not become paid by what is heard late.
    if (row === undefined || row.failureReason !== null) return;
    const change = { payoutId: heard.id, arrivalAt: arrivalOf(heard) };
    await book.move(tx, row.id, { from: ["transferred", "submitted"], to: "paid", change, at: clock.date() });
    // Who made it may never have heard that it was made.
    await watch(outbox, tx, row.id);
  }

  async function payoutFailed(tx: Tx, heard: Payout, from: string | null, reason: string): Promise<void> {
    const row = await rowOf(tx, heard, from);
    if (row === undefined) return;
    if (row.status === "paid") onEvent({ type: "withdrawal_alert", withdrawalId: row.id, reason: RETURNED });
    if (row.payoutId === null) await book.move(tx, row.id, { from: ["transferred"], change: { payoutId: heard.id }, at: clock.date() });
    await takeBackTransfer(tx, row, heard.failure_code ?? reason);
  }

  async function transferReversed(tx: Tx, heard: Transfer): Promise<void> {
    const id = (await withdrawalRepository.idOf(tx, { transferId: heard.id })) ?? heard.metadata["withdrawal_id"];
    const row = id === undefined ? undefined : await withdrawalRepository.lock(tx, id);
    if (row === undefined || !heard.reversed || row.status === "failed") return;
    const isOnItsWay = row.failureReason === null && (row.status === "submitted" || row.status === "paid");
    if (isOnItsWay) {
      // Somebody took the transfer back by hand while its payout may still arrive: what has arrived must not be given back as well.
      onEvent({ type: "withdrawal_alert", withdrawalId: row.id, reason: "its transfer was reversed while its payout is under way" });
      return;
    }
    const at = clock.date();
    if (row.status === "transferred" && row.failureReason === null) return takeBackTransfer(tx, row, "transfer_reversed");
    if (row.transferId === null) await book.move(tx, row.id, { from: ["pending"], change: { transferId: heard.id }, at });
    await book.refund(tx, row.id, { from: [row.status], reason: "transfer_reversed", at });
  }

  return async (tx, event) => {
    const { created, account: from, object, depositId } = payload.parse(event.payload);
    switch (event.type) {
      case "checkout.session.completed":
      case "checkout.session.async_payment_succeeded":
      case "checkout.session.expired":
        return applyCheckout(tx, checkoutSession.parse(object), "as_it_is", context());
      case "checkout.session.async_payment_failed":
        return applyCheckout(tx, checkoutSession.parse(object), "failed", context());
      case "charge.refunded":
        return applyRefund(tx, charge.parse(object), context());
      case "charge.dispute.created":
      case "charge.dispute.updated":
      case "charge.dispute.funds_withdrawn":
      case "charge.dispute.closed":
        return applyDispute(tx, dispute.parse(object), depositId, context());
      case "transfer.reversed":
        return transferReversed(tx, transfer.parse(object));
      case "account.updated":
        return mirror(tx, account.parse(object), new Date(created));
      case "payout.paid":
        return payoutPaid(tx, payout.parse(object), from);
      case "payout.failed":
      case "payout.canceled":
        return payoutFailed(tx, payout.parse(object), from, event.type.replace(".", "_"));
    }
  };
}
