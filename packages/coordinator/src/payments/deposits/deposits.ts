import type { Clock } from "@umbel/protocol";
import { type DepositRow, depositRepository, type Tx } from "../../store/index.js";
import type { Database } from "../database.js";
import type { OnPaymentEvent } from "../events.js";
import { cents, PAYMENT_LIMITS } from "../limits.js";
import { errorText } from "../outbox/error-text.js";
import { PaymentRefusal } from "../payment-refusal.js";
import type { StripeApi } from "../stripe/stripe-api.js";
import { StripeFailure } from "../stripe/stripe-failure.js";
import { applyCheckout, type CheckoutContext, type Referrals } from "./apply-checkout.js";

const REFERRAL_CODE = /^[A-Z0-9](?:[A-Z0-9-]{1,18}[A-Z0-9])$/;
const EMAIL_characters_max = 254;

export interface NewDeposit {
  readonly accountId: string;
  readonly amount_microUsd: bigint;
  /** Filled in on the payment page. */
  readonly email?: string | undefined;
  readonly referralCode?: string | undefined;
}

export interface OpenedDeposit {
  readonly id: string;
  readonly externalId: string;
  /** Where it is paid. */
  readonly url: string;
}

/** Money that comes in by card. Every method throws LedgerUnavailableError when the database does not answer. */
export interface Deposits {
  readonly isConfigured: boolean;
  /** Makes a page on which the amount is paid. @throws PaymentRefusal */
  open(deposit: NewDeposit): Promise<OpenedDeposit>;
  /** Undefined also when it is another account's. */
  get(accountId: string, id: string): Promise<DepositRow | undefined>;
  /** Newest first. */
  list(accountId: string, limit: number): Promise<readonly DepositRow[]>;
  /** Asks Stripe about pages of which nothing was heard. @returns how many were looked at */
  reconcile(): Promise<number>;
}

export interface DepositSettings {
  readonly max_microUsd: bigint;
  readonly successUrl: string;
  readonly cancelUrl: string;
  /** Of this coordinator, for whoever looks at a payment in Stripe. */
  readonly host: string;
}

export interface DepositDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** Undefined while no cards are taken; `mock` credits without any payment. */
  readonly stripe: StripeApi | "mock" | undefined;
  readonly settings: DepositSettings;
  readonly referrals: Referrals | undefined;
  readonly newId: () => string;
  readonly onEvent: OnPaymentEvent;
}

export function createDeposits(dependencies: DepositDependencies): Deposits {
  const { database, clock, stripe, settings, referrals, newId, onEvent } = dependencies;
  const context = (): CheckoutContext => ({ referrals, onEvent, at: clock.date() });

  async function checked({ amount_microUsd, email, referralCode }: NewDeposit): Promise<string | null> {
    const { deposit_microUsd_min: min } = PAYMENT_LIMITS;
    if (amount_microUsd < min || amount_microUsd > settings.max_microUsd) {
      throw new PaymentRefusal(
        "invalid_request_error",
        `amount_usd must be from 0.50 to ${settings.max_microUsd / 1_000_000n}`,
        "amount_usd",
      );
    }
    if (amount_microUsd % 10_000n !== 0n)
      throw new PaymentRefusal("invalid_request_error", "amount_usd must be in whole cents", "amount_usd");
    if (email !== undefined && (email.length > EMAIL_characters_max || !/^[^\s@]+@[^\s@]+$/.test(email)))
      throw new PaymentRefusal("invalid_request_error", "email is no e-mail address", "email");
    if (referralCode === undefined) return null;
    const code = referralCode.trim().toUpperCase();
    if (REFERRAL_CODE.test(code) && (await referrals?.isKnown(code)) === true) return code;
    throw new PaymentRefusal("invalid_request_error", "invalid referral code", "referral_code");
  }

  async function check(row: DepositRow, api: StripeApi): Promise<void> {
    if (row.externalId === null) {
      // Nobody was ever told of its page.
      const end = async (tx: Tx) => {
        const now = await depositRepository.lock(tx, row.id);
        if (now?.status === "creating") await depositRepository.update(tx, row.id, { status: "expired" });
      };
      return database.transaction(end);
    }
    const { session, paymentStatus } = await api.retrieveCheckout(row.externalId);
    const isOver = session.status === "complete" && (paymentStatus === "requires_payment_method" || paymentStatus === "canceled");
    await database.transaction((tx) => applyCheckout(tx, session, isOver ? "failed" : "as_it_is", context()));
  }

  return {
    isConfigured: stripe !== undefined,

    async open(deposit) {
      if (stripe === undefined) throw new PaymentRefusal("billing_error", "this network takes no cards");
      const { accountId, amount_microUsd, email } = deposit;
      const referralCode = await checked(deposit);
      const id = newId();
      const amount_cents = cents(amount_microUsd);
      const row = { id, accountId, paymentMethod: "stripe", amount_microUsd, amount_cents, referralCode, createdAt: clock.date() };
      const metadata = {
        app: "umbel",
        platform: "umbel",
        purchase_type: "inference_credits",
        source: "coordinator",
        coordinator_host: settings.host,
        billing_session_id: id,
        consumer_key: accountId,
        ...(referralCode === null ? {} : { referral_code: referralCode }),
      };
      if (stripe === "mock") {
        const session = {
          id: `mock_${id}`,
          payment_status: "paid",
          amount_total: amount_cents,
          currency: "usd",
          payment_intent: null,
          metadata,
        };
        await database.transaction(async (tx) => {
          await depositRepository.insert(tx, { ...row, status: "creating" });
          await applyCheckout(tx, session, "as_it_is", context());
        });
        return { id, externalId: session.id, url: settings.successUrl.replace("{CHECKOUT_SESSION_ID}", session.id) };
      }
      await database.transaction((tx) => depositRepository.insert(tx, { ...row, status: "creating" }));
      const { successUrl, cancelUrl } = settings;
      const checkout = { amount_cents, productName: "Umbel inference credits", metadata, email, successUrl, cancelUrl };
      const session = await stripe.createCheckout(checkout, `cs-${id}`).catch((error: unknown) => {
        if (!(error instanceof StripeFailure)) throw error;
        throw new PaymentRefusal("stripe_error", "the payment page could not be made — please try again", undefined, { cause: error });
      });
      await database.transaction((tx) => depositRepository.opened(tx, id, session.id));
      if (session.url == null) throw new PaymentRefusal("stripe_error", "Stripe gave no address of the payment page");
      return { id, externalId: session.id, url: session.url };
    },

    async get(accountId, id) {
      const row = await database.read((tx) => depositRepository.byId(tx, id));
      return row?.accountId === accountId ? row : undefined;
    },

    list: (accountId, limit) => database.read((tx) => depositRepository.ofAccount(tx, accountId, limit)),

    async reconcile() {
      if (stripe === undefined || stripe === "mock") return 0;
      const before = new Date(clock.date().getTime() - PAYMENT_LIMITS.undecided_ms);
      const rows = await database.read((tx) => depositRepository.undecided(tx, before, PAYMENT_LIMITS.undecidedAtOnce_max));
      for (const row of rows) {
        await check(row, stripe).catch((error: unknown) =>
          onEvent({ type: "deposit_check_failed", depositId: row.id, error: errorText(error) }),
        );
      }
      return rows.length;
    },
  };
}
