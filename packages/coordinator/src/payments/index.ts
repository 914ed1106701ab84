export { createEvmChain } from "./chain/evm-chain.js";
export { createPayments, type PaymentBacklog, type PaymentSettings, type Payments } from "./create-payments.js";
export type { PaymentEvent } from "./events.js";
export { PAYMENT_LIMITS } from "./limits.js";
export { PaymentRefusal, type PaymentRefusalCode } from "./payment-refusal.js";
export { SignatureError } from "./stripe/stripe-webhook.js";
