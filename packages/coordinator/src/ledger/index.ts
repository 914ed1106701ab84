export type { LedgerEvent } from "./events.js";
export { createLedger, type LedgerOptions } from "./ledger.js";
export * from "./types.js";
