import { post } from "../../ledger/index.js";
import { depositRepository, disputeRepository, standingRepository, type Tx } from "../../store/index.js";
import type { OnPaymentEvent } from "../events.js";
import { CENT_microUsd } from "../limits.js";
import type { Charge, Dispute } from "../stripe/stripe-objects.js";
import { depositOf } from "./apply-checkout.js";
import { takeBack } from "./take-back.js";

/** Why an account is frozen. */
const CHARGEBACK = "chargeback";
const REFUND_DEBT = "refund_debt";

/** What would take money back came before what brought it; it is taken up again later. */
export class DepositNotCredited extends Error {
  override readonly name = "DepositNotCredited";
}

interface Context {
  readonly onEvent: OnPaymentEvent;
  readonly at: Date;
}

/** Takes back what was refunded to the payer since the last time. @throws DepositNotCredited */
export async function applyRefund(tx: Tx, charge: Charge, { onEvent, at }: Context): Promise<void> {
  const id = depositOf(charge.metadata) ?? (await ofPayment(tx, charge.payment_intent));
  const row = id === undefined ? undefined : await depositRepository.lock(tx, id);
  if (row === undefined || row.status === "needs_review") return;
  if (row.status !== "completed") throw new DepositNotCredited("the refund came before its deposit");
  const refunded_microUsd = lesser(BigInt(charge.amount_refunded) * CENT_microUsd, row.amount_microUsd);
  const amount_microUsd = refunded_microUsd - row.refunded_microUsd;
  if (amount_microUsd <= 0n) return;
  const reference = `stripe:${row.externalId}`;
  const idempotencyKey = `refund:${row.id}:${refunded_microUsd}`;
  const { accountId } = row;
  const taken = await takeBack(tx, { accountId, amount_microUsd, type: "deposit_refund", idempotencyKey, reference, at });
  await depositRepository.update(tx, row.id, { refunded_microUsd });
  if (taken.debt_microUsd > 0n) await standingRepository.freeze(tx, accountId, REFUND_DEBT);
  onEvent({ type: "taken_back", reference, ...amountsOf(taken) });
}

/**
 * Takes disputed money back, once, and gives it again when the dispute is won. Won is for good: what is heard later of an earlier state changes
 * nothing. An inquiry moves nothing; the bank may still make a dispute of it.
 *
 * @param depositId that of the payment's own metadata, where it was asked for
 * @throws DepositNotCredited
 */
export async function applyDispute(tx: Tx, dispute: Dispute, depositId: string | undefined, context: Context): Promise<void> {
  const id = depositId ?? (await ofPayment(tx, dispute.payment_intent));
  const deposit = id === undefined ? undefined : await depositRepository.lock(tx, id);
  if (deposit === undefined || deposit.status === "needs_review") return;
  if (deposit.status !== "completed") throw new DepositNotCredited("the dispute came before its deposit");
  const known = await disputeRepository.lock(tx, dispute.id);
  if (known?.state === "reversed") return;
  const { accountId } = deposit;
  const { at, onEvent } = context;
  const row = {
    id: dispute.id,
    sessionId: deposit.id,
    accountId,
    amount_microUsd: lesser(BigInt(dispute.amount) * CENT_microUsd, deposit.amount_microUsd),
    reason: dispute.reason,
    createdAt: at,
    updatedAt: at,
  };
  if (dispute.status === "won") {
    if (known?.state === "charged") await giveAgain(tx, known, at);
    await disputeRepository.put(tx, { ...row, ...portionOf(known), state: "reversed" });
    if ((await disputeRepository.othersCharged(tx, accountId, dispute.id)) === 0) await standingRepository.thaw(tx, accountId, CHARGEBACK);
  } else if (dispute.status.startsWith("warning_")) {
    if (known === undefined) await disputeRepository.put(tx, { ...row, state: "inquiry" });
  } else if (known?.state !== "charged") {
    const { amount_microUsd } = row;
    const names = { idempotencyKey: `chargeback:${dispute.id}`, reference: `dispute:${dispute.id}` };
    const taken = await takeBack(tx, { accountId, amount_microUsd, type: "chargeback", ...names, at });
    const { taken_microUsd, takenWithdrawable_microUsd } = taken;
    await disputeRepository.put(tx, { ...row, taken_microUsd, takenWithdrawable_microUsd, state: "charged" });
    await standingRepository.freeze(tx, accountId, CHARGEBACK);
    onEvent({ type: "taken_back", reference: names.reference, ...amountsOf(taken) });
  }
}

interface Portion {
  readonly taken_microUsd: bigint;
  readonly takenWithdrawable_microUsd: bigint;
}

/** The exact opposite of what was taken. */
async function giveAgain(
  tx: Tx,
  dispute: Portion & { readonly id: string; readonly accountId: string; readonly amount_microUsd: bigint },
  at: Date,
): Promise<void> {
  const { id, accountId, amount_microUsd, taken_microUsd, takenWithdrawable_microUsd } = dispute;
  const type = "chargeback" as const;
  const entries = [
    { accountId, type, amount_microUsd: taken_microUsd, withdrawable_microUsd: takenWithdrawable_microUsd },
    { accountId: "sys:baddebt", type, amount_microUsd: amount_microUsd - taken_microUsd },
    { accountId: "sys:stripe", type, amount_microUsd: -amount_microUsd },
  ].filter((entry) => entry.amount_microUsd !== 0n);
  await post(tx, { kind: "chargeback_reversed", idempotencyKey: `chargeback:${id}:won`, reference: `dispute:${id}`, entries }, at);
}

function portionOf(known: Portion | undefined): Partial<Portion> {
  if (known === undefined) return {};
  return { taken_microUsd: known.taken_microUsd, takenWithdrawable_microUsd: known.takenWithdrawable_microUsd };
}

async function ofPayment(tx: Tx, paymentIntentId: string | null): Promise<string | undefined> {
  return paymentIntentId === null ? undefined : depositRepository.idOfPayment(tx, paymentIntentId);
}

function amountsOf({ taken_microUsd, debt_microUsd }: { readonly taken_microUsd: bigint; readonly debt_microUsd: bigint }) {
  return { taken_microUsd, debt_microUsd };
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
