import { z } from "zod";
import type { HttpDependencies } from "../dependencies.js";
import { jsonAmount } from "../money-format.js";

type Withdrawal = NonNullable<Awaited<ReturnType<HttpDependencies["payments"]["withdrawal"]>>>;

const cents = z.string().describe("USD, with two decimals.");
const status = z.enum(["pending", "transferred", "submitted", "paid", "failed"]);

export const withdrawalObject = z.object({
  id: z.string(),
  rail: z.enum(["stripe", "chain"]),
  status: status.describe("`paid` has arrived; `failed` was given back whole; anything else is on its way."),
  method: z.string(),
  destination: z.string().describe("A connected account, or an address."),
  amount_usd: cents,
  fee_usd: cents,
  net_usd: cents,
  transfer_id: z.string().nullable(),
  payout_id: z.string().nullable(),
  failure_reason: z.string().nullable(),
  refunded: z.boolean(),
  arrival_unix: z.int().nullable(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});
export const withdrawalList = z.object({ withdrawals: z.array(withdrawalObject) });

/** The answer to a withdrawal that was just begun. */
export const submittedAnswer = z.object({
  status,
  withdrawal_id: z.string(),
  transfer_id: z.string().nullable(),
  payout_id: z.string().nullable(),
  amount_usd: cents,
  fee_usd: cents,
  net_usd: cents,
  method: z.string(),
  eta: z.string(),
  arrival_unix: z.int().nullable(),
  balance_micro_usd: z.int().describe("What can be spent now, in millionths of a USD."),
  message: z.string().optional(),
});

const ETA: Readonly<Record<string, string>> = {
  instant: "~30 minutes",
  standard: "1-2 business days",
  token: "a few minutes",
};

export function shownWithdrawal(row: Withdrawal): z.infer<typeof withdrawalObject> {
  return {
    ...{ id: row.id, rail: row.rail, status: row.status, method: row.method, destination: row.destination, ...amountsOf(row) },
    ...{ transfer_id: row.transferId, payout_id: row.payoutId, failure_reason: row.failureReason, refunded: row.refunded },
    arrival_unix: unix(row.arrivalAt),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

export function submitted(row: Withdrawal, spendable_microUsd: bigint): z.infer<typeof submittedAnswer> {
  const isUnderWay = row.status === "pending" || row.status === "transferred";
  return {
    ...{ status: row.status, withdrawal_id: row.id, transfer_id: row.transferId, payout_id: row.payoutId },
    ...{ ...amountsOf(row), method: row.method, eta: ETA[row.method] ?? "soon", arrival_unix: unix(row.arrivalAt) },
    balance_micro_usd: jsonAmount(spendable_microUsd),
    ...(isUnderWay ? { message: "The withdrawal is on its way and goes on by itself; nothing has to be done again." } : {}),
  };
}

function amountsOf(row: Withdrawal) {
  return { amount_usd: inCents(row.amount_microUsd), fee_usd: inCents(row.fee_microUsd), net_usd: inCents(row.net_microUsd) };
}

function inCents(amount_microUsd: bigint): string {
  const digits = (amount_microUsd / 10_000n).toString().padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function unix(at: Date | null): number | null {
  return at === null ? null : Math.floor(at.getTime() / 1_000);
}
