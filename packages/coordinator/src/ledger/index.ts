export type { LedgerEvent } from "./events.js";
export { createHistory, type EarningSummary, type Generation, type History } from "./history.js";
export { AMOUNT_MICRO_USD_MAX } from "./hold.js";
export { createLedger, type LedgerOptions } from "./ledger.js";
export { createOwnPrices, type OwnPrices, PriceTooHighError } from "./own-prices.js";
export { type EntryType, InsufficientFundsError, post } from "./posting.js";
export { createReconciler, HOLD_AGES_S, INVARIANTS, type Reconciler } from "./reconciler.js";
export { attempt } from "./retry.js";
export * from "./types.js";
