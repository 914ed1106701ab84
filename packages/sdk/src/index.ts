export { ReceiptError, type ReceiptErrorCode } from "./receipt-error.js";
export type { ReceiptPolicy } from "./receipt-policy.js";
export { SealedError, type SealedErrorCode } from "./sealed-error.js";
export { createUmbelFetch, type UmbelFetchOptions } from "./umbel-fetch.js";
export { verifyReceipt } from "./verify-receipt.js";
