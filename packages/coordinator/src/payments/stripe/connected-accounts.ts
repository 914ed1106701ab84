import type { Clock } from "@umbel/protocol";
import { type StripeAccountRow, stripeAccountRepository, type Tx, withdrawalRepository } from "../../store/index.js";
import type { Database } from "../database.js";
import { PaymentRefusal } from "../payment-refusal.js";
import type { StripeApi } from "./stripe-api.js";
import { StripeFailure } from "./stripe-failure.js";
import type { ConnectedAccount } from "./stripe-objects.js";

export interface OnboardingRequest {
  readonly accountId: string;
  /** Two letters; absent is that of the account there is. */
  readonly country?: string | undefined;
  readonly email?: string | undefined;
  readonly returnUrl?: string | undefined;
  readonly refreshUrl?: string | undefined;
}

export interface OnboardingSettings {
  /** Country of a first account whose owner names none. */
  readonly country: string;
  readonly returnUrl: string | undefined;
  readonly refreshUrl: string | undefined;
  /** Whether pages on this machine may be returned to. */
  readonly allowsLocalPages: boolean;
}

/** The accounts at Stripe to which people are paid. */
export interface ConnectedAccounts {
  /** A page on which Stripe asks a person what it must know. @throws PaymentRefusal */
  onboard(request: OnboardingRequest): Promise<{ readonly url: string; readonly account: StripeAccountRow }>;
  /** @param refresh whether Stripe is asked first. @throws PaymentRefusal */
  status(accountId: string, refresh: boolean): Promise<StripeAccountRow | undefined>;
}

export interface ConnectedAccountDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly stripe: StripeApi | undefined;
  readonly settings: OnboardingSettings;
}

export function createConnectedAccounts({ database, clock, stripe, settings }: ConnectedAccountDependencies): ConnectedAccounts {
  const api = (): StripeApi => {
    if (stripe === undefined) throw new PaymentRefusal("billing_error", "this network pays to no bank accounts");
    return stripe;
  };

  async function accountFor({ accountId, country: asked, email }: OnboardingRequest): Promise<StripeAccountRow> {
    const active = await database.read((tx) => stripeAccountRepository.active(tx, accountId));
    const country = (asked ?? active?.country ?? settings.country).toUpperCase();
    if (!/^[A-Z]{2}$/.test(country)) throw new PaymentRefusal("invalid_request_error", "country is no code of two letters", "country");
    if (active?.country === country) return active;
    if (active !== undefined && (await database.read((tx) => withdrawalRepository.anyOpen(tx, accountId, active.stripeAccountId))))
      throw new PaymentRefusal("conflict", "a withdrawal is on its way — change the country when it has arrived");
    const askedAt = secondOf(clock.date());
    const made = await asking(() => api().createAccount({ country, email, accountId }, `acct-${accountId}-${country}`));
    await database.transaction(async (tx) => {
      await stripeAccountRepository.insert(tx, { stripeAccountId: made.id, accountId, country, active: false, createdAt: clock.date() });
      await stripeAccountRepository.activate(tx, accountId, made.id);
      await mirror(tx, made, askedAt);
    });
    const row = await database.read((tx) => stripeAccountRepository.active(tx, accountId));
    if (row === undefined) throw new Error("a connected account that was made is not there");
    return row;
  }

  return {
    async onboard(request) {
      api();
      const returnUrl = pageOf("return_url", request.returnUrl, settings.returnUrl, settings.allowsLocalPages);
      const refreshUrl = pageOf("refresh_url", request.refreshUrl, settings.refreshUrl, settings.allowsLocalPages);
      const account = await accountFor(request);
      const link = { stripeAccountId: account.stripeAccountId, returnUrl, refreshUrl };
      return { url: await asking(() => api().onboardingLink(link)), account };
    },

    async status(accountId, refresh) {
      const row = await database.read((tx) => stripeAccountRepository.active(tx, accountId));
      if (row === undefined || !refresh || stripe === undefined) return row;
      const at = secondOf(clock.date());
      const heard = await asking(() => stripe.retrieveAccount(row.stripeAccountId));
      await database.transaction((tx) => mirror(tx, heard, at));
      return database.read((tx) => stripeAccountRepository.active(tx, accountId));
    },
  };
}

/** Keeps what Stripe says of an account, as far as people are told: its state, and the last digits of where money goes. */
export async function mirror(tx: Tx, heard: ConnectedAccount, at: Date): Promise<void> {
  const accounts = heard.external_accounts?.data ?? [];
  const destination = accounts.find(({ default_for_currency: isDefault }) => isDefault === true) ?? accounts[0];
  const isCard = destination?.object === "card";
  const values = {
    status: statusOf(heard),
    destinationType: destination === undefined ? null : isCard ? ("card" as const) : ("bank" as const),
    destinationLast4: destination?.last4?.slice(-4) ?? null,
    instantEligible: isCard && destination.funding === "debit",
    currentlyDue: heard.requirements?.currently_due ?? [],
  };
  await stripeAccountRepository.mirror(tx, heard.id, values, at);
}

/** Events tell their time in whole seconds: what was read in the same one must not hide what an event tells of it. */
function secondOf(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1_000) * 1_000);
}

function statusOf({ requirements, payouts_enabled, details_submitted }: ConnectedAccount): StripeAccountRow["status"] {
  if (requirements?.disabled_reason?.startsWith("rejected") === true) return "rejected";
  if (payouts_enabled === true) return "ready";
  return details_submitted === true && (requirements?.currently_due ?? []).length > 0 ? "restricted" : "pending";
}

/** Where Stripe sends a person back to: never to a host that the operator has not named. */
function pageOf(param: string, asked: string | undefined, usual: string | undefined, allowsLocalPages: boolean): string {
  if (asked === undefined) {
    if (usual !== undefined) return usual;
    throw new PaymentRefusal("invalid_request_error", `${param} is required: this coordinator has no page of its own`, param);
  }
  const page = URL.canParse(asked) ? new URL(asked) : undefined;
  const isLocal = page !== undefined && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(page.hostname);
  const isWeb = page?.protocol === "https:" || page?.protocol === "http:";
  const isUsual = usual === undefined ? page?.protocol === "https:" && page.hostname !== "" : page?.host === new URL(usual).host;
  if (page !== undefined && isWeb && ((isUsual && (!isLocal || allowsLocalPages)) || (isLocal && allowsLocalPages))) return page.href;
  throw new PaymentRefusal("invalid_request_error", `${param} is no page of this network`, param);
}

async function asking<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    throw new PaymentRefusal("stripe_error", "Stripe did not do it — please try again", undefined, { cause: error });
  }
}
