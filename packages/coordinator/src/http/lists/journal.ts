import { z } from "zod";
import type { JournalRow } from "../../ledger/index.js";
import { jsonAmount, usd } from "../money-format.js";

/** What moved on an account, as its owner and operators see it. Source: money.md §5. */
export const journalEntry = z.object({
  seq: z.int(),
  type: z.string(),
  amount_micro_usd: z.int(),
  amount_usd: z.string(),
  withdrawable_delta_micro_usd: z.int(),
  balance_after_micro_usd: z.int(),
  withdrawable_after_micro_usd: z.int(),
  reference: z.string(),
  created_at: z.iso.datetime(),
});

export function journalEntryOf(row: JournalRow): z.infer<typeof journalEntry> {
  return {
    seq: row.seq,
    type: row.type,
    amount_micro_usd: jsonAmount(row.amount_microUsd),
    amount_usd: usd(row.amount_microUsd),
    withdrawable_delta_micro_usd: jsonAmount(row.withdrawableDelta_microUsd),
    balance_after_micro_usd: jsonAmount(row.balanceAfter_microUsd),
    withdrawable_after_micro_usd: jsonAmount(row.withdrawableAfter_microUsd),
    reference: row.reference,
    created_at: row.at.toISOString(),
  };
}
