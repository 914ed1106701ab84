import { randomBytes, randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { post } from "../../ledger/index.js";
import { balanceRepository, depositRepository, type Store, type WithdrawalRow, withdrawalRepository } from "../../store/index.js";
import { createPayments, type PaymentOptions, type PaymentSettings, type Payments } from "../create-payments.js";
import type { PaymentEvent } from "../events.js";
import { type FakeStripe, startFakeStripe } from "./fake-stripe/fake-stripe.js";
import type { FakeEvent } from "./fake-stripe/world.js";

/** The payments of a coordinator over a Stripe of its own, on a clock that stands still. */
export interface TestPayments {
  readonly payments: Payments;
  readonly stripe: FakeStripe;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly told: PaymentEvent[];
  /** Another coordinator on the same database, as after a restart. */
  again(): Payments;
  /** Delivers an event to its webhook. */
  deliver(event: FakeEvent): Promise<void>;
  /** Delivers what Stripe has told since the last time, in order. */
  deliverAll(): Promise<void>;
  /** Time goes by, and what becomes due is done. */
  later(delay_ms: number): Promise<void>;
  balance(accountId: string): Promise<{ readonly balance: bigint; readonly withdrawable: bigint; readonly held: bigint }>;
  /** Gives earnings: money that can be withdrawn. */
  earn(accountId: string, amount_microUsd: bigint): Promise<void>;
  /** A person to whom Stripe can pay. @returns id of the connected account */
  onboarded(accountId: string, destination?: "bank" | "debit"): Promise<string>;
  deposit(accountId: string, cents: number): Promise<{ readonly id: string; readonly externalId: string }>;
  depositStatus(id: string): Promise<string | undefined>;
  withdrawal(id: string): Promise<WithdrawalRow>;
  close(): Promise<void>;
}

export const DOLLAR = 1_000_000n;

export async function openPayments(
  store: Store,
  overrides: Partial<PaymentSettings> = {},
  more: Partial<PaymentOptions> = {},
): Promise<TestPayments> {
  const clock = createFakeClock();
  const stripe = await startFakeStripe(clock);
  const told: PaymentEvent[] = [];
  const settings: PaymentSettings = {
    stripe: { secretKey: stripe.secretKey, apiUrl: stripe.url },
    webhookSecret: stripe.secrets.account,
    connectWebhookSecret: stripe.secrets.connect,
    chain: undefined,
    deposits: {
      max_microUsd: 10_000n * DOLLAR,
      successUrl: "https://umbel.example/paid?session_id={CHECKOUT_SESSION_ID}",
      cancelUrl: "https://umbel.example/cancelled",
      host: "umbel.example",
    },
    onboarding: {
      country: "US",
      returnUrl: "https://umbel.example/back",
      refreshUrl: "https://umbel.example/again",
      allowsLocalPages: false,
    },
    withdrawals: { dailyMax_microUsd: 5_000n * DOLLAR, hold_ms: 0 },
    ...overrides,
  };
  const open = () =>
    createPayments({
      ...{ store, clock, settings, randomBytes, random: () => 0.5, instanceId: randomUUID() },
      onEvent: (event) => told.push(event),
      ...more,
    });
  const payments = open();
  let delivered = 0;

  const test: TestPayments = {
    ...{ payments, stripe, clock, told },
    again: open,
    async deliver(event) {
      await payments.receive({ endpoint: event.endpoint, ...stripe.signed(event) });
    },
    async deliverAll() {
      for (const event of stripe.world.events.slice(delivered)) await test.deliver(event);
      delivered = stripe.world.events.length;
    },
    async later(delay_ms) {
      await clock.advance(delay_ms);
      await payments.work();
    },
    async balance(accountId) {
      const row = await store.transaction((tx) => balanceRepository.lock(tx, accountId, []));
      return { balance: row.balance_microUsd, withdrawable: row.withdrawable_microUsd, held: row.held_microUsd };
    },
    async earn(accountId, amount_microUsd) {
      const key = `earn:${randomUUID()}`;
      const entries = [
        { accountId, type: "admin_reward", amount_microUsd, withdrawable_microUsd: amount_microUsd },
        { accountId: "sys:rewards", type: "admin_reward", amount_microUsd: -amount_microUsd },
      ] as const;
      await store.transaction((tx) => post(tx, { kind: "admin_reward", idempotencyKey: key, reference: key, entries }, clock.date()));
    },
    async onboarded(accountId, destination = "bank") {
      const { account } = await payments.accounts.onboard({ accountId, country: "US" });
      stripe.world.onboard(account.stripeAccountId, destination);
      await test.deliverAll();
      return account.stripeAccountId;
    },
    async deposit(accountId, cents) {
      const { id, externalId } = await payments.deposits.open({ accountId, amount_microUsd: BigInt(cents) * 10_000n });
      return { id, externalId };
    },
    async depositStatus(id) {
      return (await depositRepository.byId(store.db, id))?.status;
    },
    async withdrawal(id) {
      const row = await withdrawalRepository.byId(store.db, id);
      if (row === undefined) throw new Error("there is no such withdrawal");
      return row;
    },
    async close() {
      await payments.close();
      await stripe.close();
    },
  };
  return test;
}
