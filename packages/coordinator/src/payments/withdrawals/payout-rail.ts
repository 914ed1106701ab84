import type { EntryType } from "../../ledger/index.js";
import type { WithdrawalRow } from "../../store/index.js";
import type { JobHandler } from "../outbox/outbox.js";

export interface QuoteRequest {
  readonly accountId: string;
  readonly amount_microUsd: bigint;
  readonly method: string;
}

export interface Quote {
  /** As the rail knows it: a connected account, or an address. */
  readonly destination: string;
  readonly fee_microUsd: bigint;
}

/**
 * A way by which money leaves. It says where to and for how much, and does the sending, step by step, as jobs of the outbox: each may be begun
 * several times, and none may send twice. What it reaches it writes by `WithdrawalBook`.
 */
export interface PayoutRail {
  readonly name: WithdrawalRow["rail"];
  /** Of the house: what has left by this rail. */
  readonly clearingAccount: "sys:stripe" | "sys:chain";
  readonly entryType: EntryType;
  /** Kind of the job that a new withdrawal begins with. */
  readonly firstJob: string;
  readonly handlers: ReadonlyMap<string, JobHandler>;
  /** @throws PaymentRefusal when the account cannot be paid this way */
  quote(request: QuoteRequest): Promise<Quote>;
}
