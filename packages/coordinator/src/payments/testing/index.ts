export type { PayoutChain } from "../chain/payout-chain.js";
export { createDesk, type StripeDesk } from "./fake-stripe/desk.js";
export { type FakeStripe, startFakeStripe } from "./fake-stripe/fake-stripe.js";
export type { FakeEvent } from "./fake-stripe/world.js";
export { startPayoutChain } from "./payout-chain.js";
