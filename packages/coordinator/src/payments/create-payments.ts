import type { Clock } from "@umbel/protocol";
import { outboxRepository, type Store, stripeEventRepository, type WithdrawalRow } from "../store/index.js";
import { createChainRail } from "./chain/chain-rail.js";
import { createPayoutAddresses, type PayoutAddresses } from "./chain/payout-addresses.js";
import type { PayoutChain } from "./chain/payout-chain.js";
import { createDatabase } from "./database.js";
import type { Referrals } from "./deposits/apply-checkout.js";
import { createDeposits, type DepositSettings, type Deposits } from "./deposits/deposits.js";
import type { OnPaymentEvent } from "./events.js";
import { createInbox } from "./inbox/inbox.js";
import { createOutbox } from "./outbox/outbox.js";
import { type ConnectedAccounts, createConnectedAccounts, type OnboardingSettings } from "./stripe/connected-accounts.js";
import { createEventReceiver } from "./stripe/receive-event.js";
import { createStripeApi, type StripeAccess } from "./stripe/stripe-api.js";
import { createStripeEventHandler } from "./stripe/stripe-events.js";
import { createStripeRail } from "./stripe/stripe-rail.js";
import type { SignedBody } from "./stripe/stripe-webhook.js";
import { createWithdrawalBook } from "./withdrawals/withdrawal-book.js";
import { createWithdrawals, type WithdrawalSettings } from "./withdrawals/withdrawals.js";

export interface PaymentSettings {
  /** Absent: neither cards nor bank accounts. `mock`: deposits are credited without a payment. */
  readonly stripe: StripeAccess | "mock" | undefined;
  readonly webhookSecret: string | undefined;
  readonly connectWebhookSecret: string | undefined;
  /** Absent: nothing is paid out on a chain. */
  readonly chain:
    | {
        readonly open: PayoutChain;
        readonly fee_microUsd: bigint;
        /** Blocks that hold a payout, its own and those behind it, from which on it counts as paid. */
        readonly confirmations: number;
        /** Of the token; at least 6. */
        readonly decimals: number;
      }
    | undefined;
  readonly deposits: DepositSettings;
  readonly onboarding: OnboardingSettings;
  readonly withdrawals: WithdrawalSettings;
}

export interface PaymentOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Unique to this start of the coordinator. */
  readonly instanceId: string;
  readonly settings: PaymentSettings;
  readonly referrals?: Referrals;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Jitter of retries; uniform in [0, 1). */
  readonly random: () => number;
  readonly onEvent: OnPaymentEvent;
}

export interface StripeWithdrawal {
  readonly accountId: string;
  readonly amount_microUsd: bigint;
  readonly method: string;
  readonly clientKey?: string | undefined;
}

/** How much waits, for whoever watches. */
export interface PaymentBacklog {
  readonly outbox: Awaited<ReturnType<typeof outboxRepository.depth>>;
  readonly inbox: Awaited<ReturnType<typeof stripeEventRepository.depth>>;
}

/** Money in and out. What a method throws is a PaymentRefusal, a SignatureError, or a LedgerUnavailableError. */
export interface Payments {
  /** Whether any money comes in or goes out. */
  readonly isOpen: boolean;
  /** Whether cards are taken. */
  readonly takesCards: boolean;
  readonly deposits: Pick<Deposits, "open" | "get" | "list">;
  /** Whether money can be withdrawn to bank accounts and cards. */
  readonly paysBanks: boolean;
  readonly accounts: ConnectedAccounts;
  withdrawByStripe(request: StripeWithdrawal): Promise<WithdrawalRow>;
  /** What is paid out on which chain; undefined where nothing is. */
  readonly chain: { readonly chainId: number; readonly token: string; readonly fee_microUsd: bigint } | undefined;
  readonly addresses: PayoutAddresses;
  withdrawByChain(request: Omit<StripeWithdrawal, "method">): Promise<WithdrawalRow>;
  /** Whether there is a place that the account can be paid to. */
  isPayoutReady(accountId: string): Promise<boolean>;
  withdrawal(accountId: string, id: string): Promise<WithdrawalRow | undefined>;
  withdrawals(
    accountId: string,
    query: { readonly limit: number; readonly rail?: WithdrawalRow["rail"] },
  ): Promise<readonly WithdrawalRow[]>;
  /** An event of Stripe, as it came to one of the webhooks. */
  receive(event: Omit<SignedBody, "secret">): Promise<void>;
  /** Does what is due. Call it every second or so. */
  work(): Promise<void>;
  /** Asks about deposits of which nothing was heard, and about events that never came. Call it every hour. */
  reconcile(): Promise<void>;
  /** Removes what was done long ago. */
  sweep(): Promise<void>;
  backlog(): Promise<PaymentBacklog>;
  close(): Promise<void>;
}

const ID_bytes = 12;

/** Opens the ways by which money comes in and goes out. Close it before the store. */
export function createPayments(options: PaymentOptions): Payments {
  const { store, clock, instanceId, settings, referrals, randomBytes, random, onEvent } = options;
  const database = createDatabase(store, clock, random);
  const newId = (prefix: string) => `${prefix}_${Buffer.from(randomBytes(ID_bytes)).toString("hex")}`;
  const isReal = settings.stripe !== undefined && settings.stripe !== "mock";
  const api = isReal ? createStripeApi(settings.stripe, () => onEvent({ type: "key_refused" })) : undefined;
  const book = createWithdrawalBook(onEvent);
  const outbox = createOutbox({
    store,
    clock,
    owner: instanceId,
    handlers: (kind) => rail.handlers.get(kind) ?? chainRail.handlers.get(kind),
    onEvent,
  });
  const rail = createStripeRail({ database, clock, stripe: api, outbox, book, onEvent });
  const { chain } = settings;
  const addresses = createPayoutAddresses({ database, clock, chain: chain?.open, newId: () => newId("sign") });
  const chainRail = createChainRail({
    ...{ database, clock, addresses, outbox, book, onEvent, chain: chain?.open },
    settings: { fee_microUsd: chain?.fee_microUsd ?? 0n, confirmations: chain?.confirmations ?? 1, decimals: chain?.decimals ?? 6 },
  });
  const handle = createStripeEventHandler({ clock, outbox, book, referrals, onEvent });
  const inbox = createInbox({ store, clock, handle, onEvent });
  const stripe = settings.stripe === "mock" ? "mock" : api;
  const deposits = createDeposits({
    ...{ database, clock, stripe, settings: settings.deposits, referrals, onEvent },
    newId: () => newId("dep"),
  });
  const withdrawals = createWithdrawals({ database, clock, outbox, settings: settings.withdrawals, newId: () => newId("wd") });
  const events = createEventReceiver({ database, clock, inbox, stripe: api, onEvent });
  const accounts = createConnectedAccounts({ database, clock, stripe: api, settings: settings.onboarding });
  const secrets = { account: settings.webhookSecret, connect: settings.connectWebhookSecret };

  return {
    isOpen: settings.stripe !== undefined || chain !== undefined,
    takesCards: deposits.isConfigured,
    deposits,
    paysBanks: api !== undefined,
    accounts,
    withdrawByStripe: (request) => withdrawals.withdraw(rail, request),
    chain: chain && { chainId: chain.open.chainId, token: chain.open.token, fee_microUsd: chain.fee_microUsd },
    addresses,
    withdrawByChain: (request) => withdrawals.withdraw(chainRail, { ...request, method: "token" }),
    async isPayoutReady(accountId) {
      if (api !== undefined && (await accounts.status(accountId, false))?.status === "ready") return true;
      return chain !== undefined && (await addresses.of(accountId)) !== undefined;
    },
    withdrawal: (accountId, id) => withdrawals.get(accountId, id),
    withdrawals: (accountId, query) => withdrawals.list(accountId, query),
    async receive(event) {
      try {
        await events.receive({ ...event, secret: secrets[event.endpoint] });
      } catch (error) {
        if (error instanceof Error && error.name === "SignatureError") onEvent({ type: "signature_refused", endpoint: event.endpoint });
        throw error;
      }
    },
    async work() {
      await inbox.runDue();
      await outbox.runDue();
    },
    async reconcile() {
      await deposits.reconcile();
      await events.catchUp();
    },
    async sweep() {
      await outbox.sweep();
      await inbox.sweep();
    },
    backlog: () =>
      database.read(async (tx) => ({ outbox: await outboxRepository.depth(tx), inbox: await stripeEventRepository.depth(tx) })),
    close: () => outbox.close(),
  };
}
