import type { Stripe } from "stripe";
import type { z } from "zod";
import { asStripeFailure } from "./stripe-failure.js";
import {
  account,
  accountLink,
  type CheckoutSession,
  type ConnectedAccount,
  checkoutSession,
  identified,
  listOf,
  type Payout,
  pageOf,
  paymentIntent,
  payout,
  type Transfer,
  transfer,
} from "./stripe-objects.js";
import { eventEnvelope } from "./stripe-webhook.js";

/** The version of Stripe's interface that this program speaks, whatever the account's default is. */
export const STRIPE_API_VERSION = "2026-10-28.endive";
/** Source: money.md §11. */
const TIMEOUT_ms = 30_000;
const LIST_max = 100;

export type StripeEvent = z.output<typeof eventEnvelope>;

export interface NewCheckout {
  readonly amount_cents: number;
  readonly productName: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly email: string | undefined;
  readonly successUrl: string;
  readonly cancelUrl: string;
}

export interface NewPayment {
  readonly withdrawalId: string;
  readonly amount_cents: number;
  /** A connected account. */
  readonly destination: string;
}

/** What is asked of Stripe. Every method throws StripeFailure; those that move money take the key by which a repetition is none. */
export interface StripeApi {
  createCheckout(checkout: NewCheckout, idempotencyKey: string): Promise<CheckoutSession>;
  /** With what has become of its payment. */
  retrieveCheckout(id: string): Promise<{ readonly session: CheckoutSession; readonly paymentStatus: string | undefined }>;
  paymentMetadata(paymentIntentId: string): Promise<Readonly<Record<string, string>>>;
  createAccount(
    of: { readonly country: string; readonly email: string | undefined; readonly accountId: string },
    idempotencyKey: string,
  ): Promise<ConnectedAccount>;
  retrieveAccount(id: string): Promise<ConnectedAccount>;
  onboardingLink(link: { readonly stripeAccountId: string; readonly returnUrl: string; readonly refreshUrl: string }): Promise<string>;
  transfer(payment: NewPayment, idempotencyKey: string): Promise<Transfer>;
  findTransfer(withdrawalId: string): Promise<Transfer | undefined>;
  payout(payment: NewPayment & { readonly method: "standard" | "instant" }, idempotencyKey: string): Promise<Payout>;
  retrievePayout(id: string, stripeAccountId: string): Promise<Payout>;
  /** Among those that were made since. */
  findPayout(withdrawalId: string, stripeAccountId: string, since: Date): Promise<Payout | undefined>;
  /** @returns id of the reversal */
  reverse(transferId: string, withdrawalId: string, idempotencyKey: string): Promise<string>;
  retrieveTransfer(id: string): Promise<Transfer>;
  /** What has happened between two times, newest first, behind an event if one is given. */
  events(
    range: { readonly types: readonly string[]; readonly since: Date; readonly until: Date },
    after: string | undefined,
  ): Promise<{ readonly events: readonly StripeEvent[]; readonly hasMore: boolean }>;
}

export interface StripeAccess {
  readonly secretKey: string;
  /** Default: Stripe itself. */
  readonly apiUrl?: string | undefined;
  /** How requests get there. Default: the SDK's own way. */
  readonly fetch?: typeof fetch | undefined;
}

/**
 * Stripe through its own SDK, which is loaded when it is first needed: it is large, and most coordinators take no cards.
 *
 * @param onKeyRefused told each time that Stripe does not accept the key
 */
export function createStripeApi(access: StripeAccess, onKeyRefused: () => void): StripeApi {
  let sdk: Promise<Stripe> | undefined;

  async function call<Schema extends z.ZodType>(schema: Schema, ask: (stripe: Stripe) => Promise<unknown>): Promise<z.output<Schema>> {
    sdk ??= open(access);
    try {
      return schema.parse(await ask(await sdk));
    } catch (error) {
      const failure = asStripeFailure(error);
      if (failure.kind === "key_refused") onKeyRefused();
      throw failure;
    }
  }

  return {
    createCheckout: ({ amount_cents, productName, metadata, email, successUrl, cancelUrl }, idempotencyKey) =>
      call(checkoutSession, (stripe) =>
        stripe.checkout.sessions.create(
          {
            mode: "payment",
            allowed_payment_method_types: ["card"],
            line_items: [{ quantity: 1, price_data: { currency: "usd", unit_amount: amount_cents, product_data: { name: productName } } }],
            metadata,
            payment_intent_data: { metadata },
            success_url: successUrl,
            cancel_url: cancelUrl,
            ...(email === undefined ? {} : { customer_email: email }),
          },
          { idempotencyKey },
        ),
      ),

    async retrieveCheckout(id) {
      let paymentStatus: string | undefined;
      const session = await call(checkoutSession, async (stripe) => {
        const found = await stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] });
        const payment = paymentIntent.safeParse(found.payment_intent);
        if (payment.success) paymentStatus = payment.data.status;
        return found;
      });
      return { session, paymentStatus };
    },

    paymentMetadata: async (id) => (await call(paymentIntent, (stripe) => stripe.paymentIntents.retrieve(id))).metadata,

    createAccount: ({ country, email, accountId }, idempotencyKey) =>
      call(account, (stripe) =>
        stripe.accounts.create(
          {
            type: "express",
            country,
            business_type: "individual",
            capabilities: { transfers: { requested: true }, card_payments: { requested: true } },
            settings: { payouts: { schedule: { interval: "manual" } } },
            metadata: { app: "umbel", account_id: accountId },
            ...(email === undefined ? {} : { email }),
          },
          { idempotencyKey },
        ),
      ),

    retrieveAccount: (id) => call(account, (stripe) => stripe.accounts.retrieve(id)),

    onboardingLink: async ({ stripeAccountId, returnUrl, refreshUrl }) => {
      const { url } = await call(accountLink, (stripe) =>
        stripe.accountLinks.create({
          account: stripeAccountId,
          type: "account_onboarding",
          collection_options: { fields: "eventually_due" },
          return_url: returnUrl,
          refresh_url: refreshUrl,
        }),
      );
      return url;
    },

    transfer: ({ withdrawalId, amount_cents, destination }, idempotencyKey) =>
      call(transfer, (stripe) =>
        stripe.transfers.create(
          {
            amount: amount_cents,
            currency: "usd",
            destination,
            transfer_group: withdrawalId,
            metadata: { app: "umbel", withdrawal_id: withdrawalId },
          },
          { idempotencyKey },
        ),
      ),

    async findTransfer(withdrawalId) {
      const { data } = await call(listOf(transfer), (stripe) => stripe.transfers.list({ transfer_group: withdrawalId, limit: LIST_max }));
      return data.find(({ metadata }) => metadata["withdrawal_id"] === withdrawalId);
    },

    payout: ({ withdrawalId, amount_cents, destination, method }, idempotencyKey) =>
      call(payout, (stripe) =>
        stripe.payouts.create(
          { amount: amount_cents, currency: "usd", method, metadata: { app: "umbel", withdrawal_id: withdrawalId } },
          { idempotencyKey, stripeAccount: destination },
        ),
      ),

    retrievePayout: (id, stripeAccountId) => call(payout, (stripe) => stripe.payouts.retrieve(id, {}, { stripeAccount: stripeAccountId })),

    async findPayout(withdrawalId, stripeAccountId, since) {
      const gte = seconds(since);
      for (let after: string | undefined; ; ) {
        const page = { created: { gte }, limit: LIST_max, ...(after === undefined ? {} : { starting_after: after }) };
        const { data } = await call(listOf(payout), (stripe) => stripe.payouts.list(page, { stripeAccount: stripeAccountId }));
        const found = data.find(({ metadata }) => metadata["withdrawal_id"] === withdrawalId);
        if (found !== undefined || data.length < LIST_max) return found;
        after = data.at(-1)?.id;
      }
    },

    async reverse(transferId, withdrawalId, idempotencyKey) {
      const metadata = { app: "umbel", withdrawal_id: withdrawalId };
      const ask = (stripe: Stripe) => stripe.transfers.createReversal(transferId, { metadata }, { idempotencyKey });
      return (await call(identified, ask)).id;
    },

    retrieveTransfer: (id) => call(transfer, (stripe) => stripe.transfers.retrieve(id)),

    async events({ types, since, until }, after) {
      const created = { gt: seconds(since), lte: seconds(until) };
      const page = { types: [...types], created, limit: LIST_max, ...(after === undefined ? {} : { starting_after: after }) };
      const { data, has_more } = await call(pageOf(eventEnvelope), (stripe) => stripe.events.list(page));
      return { events: data, hasMore: has_more };
    },
  };
}

async function open({ secretKey, apiUrl, fetch }: StripeAccess): Promise<Stripe> {
  const { Stripe: Sdk } = await import("stripe");
  const address = apiUrl === undefined ? undefined : new URL(apiUrl);
  return new Sdk(secretKey, {
    apiVersion: STRIPE_API_VERSION,
    timeout: TIMEOUT_ms,
    // Repetition is the outbox's, which survives a restart.
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: "umbel" },
    ...(address === undefined ? {} : endpointOf(address)),
    ...(fetch === undefined ? {} : { httpClient: Sdk.createFetchHttpClient(fetch) }),
  });
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1_000);
}

function endpointOf({ hostname, port, protocol }: URL) {
  return { host: hostname, ...(port === "" ? {} : { port }), protocol: protocol === "http:" ? ("http" as const) : ("https" as const) };
}
