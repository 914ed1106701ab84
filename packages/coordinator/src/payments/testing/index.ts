export { type FakeStripe, startFakeStripe } from "./fake-stripe/fake-stripe.js";
