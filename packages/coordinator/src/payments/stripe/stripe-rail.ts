import type { Clock } from "@umbel/protocol";
import { stripeAccountRepository, type WithdrawalRow, withdrawalRepository } from "../../store/index.js";
import type { Database } from "../database.js";
import type { OnPaymentEvent } from "../events.js";
import { cents, instantFee_microUsd, PAYMENT_LIMITS } from "../limits.js";
import { DONE, type Job, type JobHandler, OUTBOX_LIMITS, type Outbox, type Verdict } from "../outbox/outbox.js";
import { PaymentRefusal } from "../payment-refusal.js";
import type { PayoutRail } from "../withdrawals/payout-rail.js";
import { CLEARING, type WithdrawalBook } from "../withdrawals/withdrawal-book.js";
import type { StripeApi } from "./stripe-api.js";
import { StripeFailure } from "./stripe-failure.js";
import type { Payout, Transfer } from "./stripe-objects.js";

export const STRIPE_JOBS = {
  transfer: "stripe.transfer",
  payout: "stripe.payout",
  reverse: "stripe.reverse",
  check: "stripe.payout_check",
} as const;

export const RETURNED = "the bank has returned it after it was paid";

export interface StripeRailDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly stripe: StripeApi | undefined;
  readonly outbox: Pick<Outbox, "enqueue">;
  readonly book: WithdrawalBook;
  readonly onEvent: OnPaymentEvent;
}

/**
 * Payouts to bank accounts and debit cards by Stripe Connect: a transfer to the person's connected account, then a payout from there. Money is
 * given back only when Stripe has refused for certain, or has taken the transfer back: no answer is never a refusal (money.md §12).
 */
export function createStripeRail(dependencies: StripeRailDependencies): PayoutRail {
  const { database, clock, stripe, outbox, book, onEvent } = dependencies;
  const takeBackTransfer = createReturns({ outbox, book, clock });

  /** A job for a withdrawal; one that is in none of the states where it has something to do is done. */
  function step(
    states: readonly WithdrawalRow["status"][],
    work: (row: WithdrawalRow, job: Job, api: StripeApi) => Promise<Verdict>,
  ): JobHandler {
    return async (job) => {
      const row = await database.read((tx) => withdrawalRepository.byId(tx, job.aggregateId));
      if (row === undefined) return { end: "dead", error: "there is no such withdrawal" };
      if (!states.includes(row.status)) return DONE;
      if (stripe === undefined) return { end: "later", error: "Stripe is not set up any more" };
      return work(row, job, stripe);
    };
  }

  const paymentOf = (row: WithdrawalRow) => ({
    withdrawalId: row.id,
    amount_cents: cents(row.net_microUsd),
    destination: row.destination,
  });

  async function transferred(row: WithdrawalRow, transfer: Transfer): Promise<Verdict> {
    await database.transaction(async (tx) => {
      const change = { transferId: transfer.id };
      if ((await book.move(tx, row.id, { from: ["pending"], to: "transferred", change, at: clock.date() })) === undefined) return;
      await outbox.enqueue(tx, { kind: STRIPE_JOBS.payout, aggregateId: row.id, idempotencyKey: `${STRIPE_JOBS.payout}:${row.id}` });
    });
    return DONE;
  }

  async function giveBack(row: WithdrawalRow, reason: string): Promise<Verdict> {
    await database.transaction((tx) => book.refund(tx, row.id, { from: [row.status], reason, at: clock.date() }));
    return DONE;
  }

  const transfer = step(["pending"], async (row, job, api) => {
    if (job.age_ms > PAYMENT_LIMITS.idempotencyKept_ms) {
      // Stripe may have forgotten the key by now: before it is asked anew, or given up, what it has done is looked for.
      const found = await api.findTransfer(row.id);
      if (found !== undefined) return transferred(row, found);
      if (job.age_ms > PAYMENT_LIMITS.transfer_ms) return giveBack(row, "no_answer");
      return { end: "later", after_ms: PAYMENT_LIMITS.transfer_ms - job.age_ms + 1_000, error: "no clear answer to the transfer" };
    }
    try {
      return await transferred(row, await api.transfer(paymentOf(row), `wd-tr-${row.id}`));
    } catch (error) {
      if (!(error instanceof StripeFailure) || error.kind !== "refused") throw error;
      return giveBack(row, error.code ?? "transfer_refused");
    }
  });

  async function submitted(row: WithdrawalRow, payout: Payout): Promise<Verdict> {
    await database.transaction(async (tx) => {
      const change = { payoutId: payout.id, arrivalAt: arrivalOf(payout) };
      await book.move(tx, row.id, { from: ["transferred"], to: "submitted", change, at: clock.date() });
      await watch(outbox, tx, row.id);
    });
    return DONE;
  }

  const pay = step(["transferred"], async (row, job, api) => {
    if (row.failureReason !== null) return DONE;
    if (job.age_ms > PAYMENT_LIMITS.idempotencyKept_ms) {
      const found = await api.findPayout(row.id, row.destination, row.createdAt);
      if (found !== undefined) return submitted(row, found);
    }
    if (job.age_ms > PAYMENT_LIMITS.payout_ms) {
      await database.transaction((tx) => takeBackTransfer(tx, row, "payout_impossible"));
      return DONE;
    }
    // A refusal is what the key stands for from then on, so the next attempt needs another; an unclear answer must keep its own.
    const key = row.payoutRefusals === 0 ? `wd-po-${row.id}` : `wd-po-${row.id}-${row.payoutRefusals}`;
    try {
      const method = row.method === "instant" ? "instant" : "standard";
      return await submitted(row, await api.payout({ ...paymentOf(row), method }, key));
    } catch (error) {
      if (error instanceof StripeFailure && error.kind === "refused") {
        const change = { payoutRefusals: row.payoutRefusals + 1 };
        await database.transaction((tx) => book.move(tx, row.id, { from: ["transferred"], change, at: clock.date() }));
      }
      throw error;
    }
  });

  const reverse = step(["transferred", "submitted", "paid"], async (row, _job, api) => {
    const { transferId } = row;
    if (transferId === null) return { end: "dead", error: "there is no transfer to take back" };
    if (row.status === "transferred") {
      // An attempt whose answer was lost may have paid after all: what has left is not given back as well.
      const found = await api.findPayout(row.id, row.destination, row.createdAt);
      if (found !== undefined && !hasFailed(found)) return resume(row, found);
    }
    let reversalId: string | null = null;
    try {
      reversalId = await api.reverse(transferId, row.id, `wd-rev-${row.id}`);
    } catch (error) {
      if (!(error instanceof StripeFailure) || error.kind !== "refused") throw error;
      // Somebody may have taken it back by hand.
      if (!(await api.retrieveTransfer(transferId)).reversed) {
        onEvent({ type: "withdrawal_alert", withdrawalId: row.id, reason: "the transfer cannot be taken back" });
        throw error;
      }
    }
    await database.transaction(async (tx) => {
      const at = clock.date();
      const from = ["transferred", "submitted", "paid"] as const;
      await book.move(tx, row.id, { from, change: { reversalId }, at });
      await book.refund(tx, row.id, { from, reason: "payout_failed", at });
    });
    return DONE;
  });

  async function resume(row: WithdrawalRow, payout: Payout): Promise<Verdict> {
    await database.transaction((tx) => book.move(tx, row.id, { from: ["transferred"], change: { failureReason: null }, at: clock.date() }));
    return submitted(row, payout);
  }

  /** What events would tell, if none comes: also that a bank has returned what it had taken. */
  const check = step(["submitted", "paid"], async (row, job, api) => {
    if (row.payoutId === null || row.failureReason !== null) return DONE;
    const payout = await api.retrievePayout(row.payoutId, row.destination);
    if (hasFailed(payout)) {
      if (row.status === "paid") onEvent({ type: "withdrawal_alert", withdrawalId: row.id, reason: RETURNED });
      await database.transaction((tx) => takeBackTransfer(tx, row, payout.failure_code ?? `payout_${payout.status}`));
      return DONE;
    }
    if (payout.status !== "paid") return { end: "later", after_ms: PAYMENT_LIMITS.payoutCheck_ms };
    await database.transaction((tx) => book.move(tx, row.id, { from: ["submitted"], to: "paid", at: clock.date() }));
    return job.age_ms < PAYMENT_LIMITS.returns_ms ? { end: "later", after_ms: PAYMENT_LIMITS.returnCheck_ms } : DONE;
  });

  return {
    name: "stripe",
    ...CLEARING.stripe,
    firstJob: STRIPE_JOBS.transfer,
    handlers: new Map([
      [STRIPE_JOBS.transfer, transfer],
      [STRIPE_JOBS.payout, pay],
      [STRIPE_JOBS.reverse, reverse],
      [STRIPE_JOBS.check, check],
    ]),
    async quote({ accountId, amount_microUsd, method }) {
      if (stripe === undefined) throw new PaymentRefusal("billing_error", "this network pays to no bank accounts");
      if (method !== "standard" && method !== "instant")
        throw new PaymentRefusal("invalid_request_error", "method must be standard or instant", "method");
      const account = await database.read((tx) => stripeAccountRepository.active(tx, accountId));
      if (account?.status !== "ready")
        throw new PaymentRefusal("not_onboarded", "Stripe does not know yet where to pay to — finish the onboarding first");
      if (method === "standard") return { destination: account.stripeAccountId, fee_microUsd: 0n };
      if (!account.instantEligible) throw new PaymentRefusal("instant_unavailable", "instant payouts go to debit cards only", "method");
      return { destination: account.stripeAccountId, fee_microUsd: instantFee_microUsd(amount_microUsd) };
    },
  };
}

/** Looks after a payout that is known, for as long as its bank may return it: whatever event is lost. */
export async function watch(outbox: Pick<Outbox, "enqueue">, tx: Parameters<Outbox["enqueue"]>[0], id: string): Promise<void> {
  const check = { kind: STRIPE_JOBS.check, aggregateId: id, idempotencyKey: `${STRIPE_JOBS.check}:${id}` };
  await outbox.enqueue(tx, { ...check, after_ms: PAYMENT_LIMITS.payoutCheck_ms });
}

/** What has to come back from a connected account before it can be given back here. */
export function createReturns({ outbox, book, clock }: Pick<StripeRailDependencies, "outbox" | "book" | "clock">) {
  return async (tx: Parameters<Outbox["enqueue"]>[0], row: WithdrawalRow, failureReason: string): Promise<void> => {
    const moved = await book.move(tx, row.id, { from: ["transferred", "submitted", "paid"], change: { failureReason }, at: clock.date() });
    if (moved === undefined) return;
    const job = { kind: STRIPE_JOBS.reverse, aggregateId: row.id, idempotencyKey: `${STRIPE_JOBS.reverse}:${row.id}` };
    // While the payout is not known, a call that makes it may be under way: by then it has ended, and what it did can be seen.
    const after_ms = moved.status === "transferred" && moved.payoutId === null ? OUTBOX_LIMITS.lease_ms : 0;
    await outbox.enqueue(tx, { ...job, after_ms });
  };
}

export function arrivalOf({ arrival_date }: Payout): Date | null {
  return arrival_date == null ? null : new Date(arrival_date * 1_000);
}

function hasFailed({ status }: Payout): boolean {
  return status === "failed" || status === "canceled";
}
