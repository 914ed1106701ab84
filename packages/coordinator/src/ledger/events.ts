import type { MicroUsd } from "./types.js";

/** What an operator should see of the ledger. Ids and numbers only. */
export type LedgerEvent =
  | { readonly type: "settled"; readonly requestId: string; readonly cost_microUsd: MicroUsd; readonly wait_ms: number }
  /** A settlement is in the books, for the first time. What the provider does not get is the fee; what was held beyond the cost is free again. */
  | { readonly type: "booked"; readonly cost_microUsd: MicroUsd; readonly fee_microUsd: MicroUsd; readonly returned_microUsd: MicroUsd }
  /** A machine reported more than the request could use, or less than nothing. */
  | { readonly type: "usage_clamped"; readonly requestId: string; readonly machineId: string }
  /** A money statement got no answer and is repeated. */
  | { readonly type: "retry"; readonly operation: "settle" | "release"; readonly requestId: string; readonly attempt: number }
  | { readonly type: "spilled"; readonly requestId: string; readonly waiting: number }
  /** The disk refused the spill line: until the database answers, this settlement exists in memory only. */
  | { readonly type: "spill_failed"; readonly requestId: string; readonly error: Error }
  /** A settlement that can never be booked was put aside for a person to look at. */
  | { readonly type: "dead_letter"; readonly requestId: string | undefined; readonly reason: string }
  /** A hold that nobody waits for any more could not be given back; the next start does it. */
  | { readonly type: "release_failed"; readonly requestId: string; readonly error: Error }
  /** The books do not balance. */
  | { readonly type: "invariant_violated"; readonly property: string; readonly subject: string; readonly difference: string }
  | { readonly type: "orphans_released"; readonly count: number }
  | { readonly type: "heartbeat_failed"; readonly error: Error };

/** For events that carry the cause. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
