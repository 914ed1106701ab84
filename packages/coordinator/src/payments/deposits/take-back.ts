import { type EntryType, post } from "../../ledger/index.js";
import { balanceRepository, type Tx } from "../../store/index.js";

export interface Taking {
  readonly accountId: string;
  readonly amount_microUsd: bigint;
  readonly type: EntryType;
  readonly idempotencyKey: string;
  readonly reference: string;
  readonly at: Date;
}

export interface Taken {
  readonly taken_microUsd: bigint;
  /** Of that, earnings. */
  readonly takenWithdrawable_microUsd: bigint;
  /** What the account had not. */
  readonly debt_microUsd: bigint;
}

/** Takes back money that was credited and has left: what the account has besides its holds; the rest is bad debt of the house (money.md §11). */
export async function takeBack(tx: Tx, { accountId, amount_microUsd, type, idempotencyKey, reference, at }: Taking): Promise<Taken> {
  const balance = await balanceRepository.lock(tx, accountId, ["sys:baddebt", "sys:stripe"]);
  const free_microUsd = balance.balance_microUsd - balance.held_microUsd;
  const taken_microUsd = free_microUsd < amount_microUsd ? free_microUsd : amount_microUsd;
  const beyondPrepaid = taken_microUsd - (balance.balance_microUsd - balance.withdrawable_microUsd);
  const takenWithdrawable_microUsd = beyondPrepaid > 0n ? beyondPrepaid : 0n;
  const debt_microUsd = amount_microUsd - taken_microUsd;
  const entries = [
    { accountId, type, amount_microUsd: -taken_microUsd, withdrawable_microUsd: -takenWithdrawable_microUsd },
    { accountId: "sys:baddebt", type, amount_microUsd: -debt_microUsd },
    { accountId: "sys:stripe", type, amount_microUsd },
  ].filter((entry) => entry.amount_microUsd !== 0n);
  await post(tx, { kind: type, idempotencyKey, reference, entries }, at);
  return { taken_microUsd, takenWithdrawable_microUsd, debt_microUsd };
}
