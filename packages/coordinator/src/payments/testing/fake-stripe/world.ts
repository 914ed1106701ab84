import type { Clock } from "@umbel/protocol";
import { Refusal, unknown } from "./refusal.js";

export interface FakeEvent {
  readonly id: string;
  readonly endpoint: "account" | "connect";
  readonly type: string;
  readonly created: number;
  /** As it is sent. */
  readonly body: string;
}

type Metadata = Readonly<Record<string, string>>;

export interface FakeCheckout {
  readonly id: string;
  readonly url: string;
  readonly amount: number;
  readonly metadata: Metadata;
  readonly paymentMetadata: Metadata;
  status: "open" | "complete" | "expired";
  paymentStatus: "unpaid" | "paid";
  payment: { readonly id: string; status: string; readonly chargeId: string; refunded: number } | undefined;
}

export interface FakeTransfer {
  readonly id: string;
  readonly amount: number;
  readonly destination: string;
  readonly group: string;
  readonly metadata: Metadata;
  reversed: boolean;
}

export interface FakePayout {
  readonly id: string;
  readonly account: string;
  readonly amount: number;
  readonly method: string;
  readonly metadata: Metadata;
  readonly created: number;
  status: "pending" | "paid" | "failed" | "canceled";
  failureCode: string | null;
}

export interface FakeAccount {
  readonly id: string;
  readonly country: string;
  balance: number;
  payoutsEnabled: boolean;
  detailsSubmitted: boolean;
  currentlyDue: string[];
  disabledReason: string | null;
  destination: "bank" | "debit" | "credit" | undefined;
}

/** Ids of one world are not those of another, because several may share a database. */
let worlds = 0;

/**
 * What is so at Stripe, whatever of it anybody has heard: pages, payments, accounts, transfers, payouts, and the events that tell of them. All
 * ids count up, and time is the test's.
 */
export function createWorld(clock: Pick<Clock, "date">) {
  const checkouts = new Map<string, FakeCheckout>();
  const accounts = new Map<string, FakeAccount>();
  const transfers = new Map<string, FakeTransfer>();
  const payouts = new Map<string, FakePayout>();
  const disputes = new Map<string, { readonly id: string; readonly checkout: string; readonly amount: number; status: string }>();
  const events: FakeEvent[] = [];
  let count = 0;
  worlds += 1;
  const world = worlds;
  const newId = (prefix: string) => {
    count += 1;
    return `${prefix}_${String(world).padStart(6, "0")}${String(count).padStart(8, "0")}`;
  };
  const now_s = () => Math.floor(clock.date().getTime() / 1_000);

  function tell(endpoint: FakeEvent["endpoint"], type: string, object: object, account?: string): void {
    const id = newId("evt");
    const created = now_s();
    const envelope = {
      id,
      object: "event",
      api_version: "2026-10-28.endive",
      created,
      livemode: false,
      pending_webhooks: 1,
      type,
    };
    const about = account === undefined ? {} : { account };
    events.push({ id, endpoint, type, created, body: JSON.stringify({ ...envelope, ...about, data: { object } }, null, 2) });
  }

  function found<Item>(items: Map<string, Item>, kind: string, id: string): Item {
    const item = items.get(id);
    if (item === undefined) throw unknown(kind, id);
    return item;
  }

  const checkoutObject = (checkout: FakeCheckout, expanded = false) => ({
    id: checkout.id,
    object: "checkout.session",
    amount_total: checkout.amount,
    currency: "usd",
    // Of the payer: nothing of this may be kept.
    customer_details: { name: "Canary Person", email: "canary@payer.example", address: { line1: "1 Canary Street" } },
    metadata: checkout.metadata,
    mode: "payment",
    payment_intent: checkout.payment === undefined ? null : expanded ? paymentObject(checkout) : checkout.payment.id,
    payment_status: checkout.paymentStatus,
    status: checkout.status,
    url: checkout.status === "open" ? checkout.url : null,
  });
  const paymentObject = (checkout: FakeCheckout) => ({
    id: checkout.payment?.id,
    object: "payment_intent",
    amount: checkout.amount,
    status: checkout.payment?.status,
    metadata: checkout.paymentMetadata,
  });
  const chargeObject = (checkout: FakeCheckout) => ({
    id: checkout.payment?.chargeId,
    object: "charge",
    amount: checkout.amount,
    amount_refunded: checkout.payment?.refunded ?? 0,
    currency: "usd",
    metadata: checkout.paymentMetadata,
    payment_intent: checkout.payment?.id,
    payment_method_details: { type: "card", card: { brand: "visa", last4: "4242", fingerprint: "canaryFingerprint", exp_year: 2031 } },
    refunded: checkout.payment?.refunded === checkout.amount,
  });
  const accountObject = (account: FakeAccount) => ({
    id: account.id,
    object: "account",
    country: account.country,
    type: "express",
    email: "canary@payee.example",
    details_submitted: account.detailsSubmitted,
    payouts_enabled: account.payoutsEnabled,
    charges_enabled: account.payoutsEnabled,
    requirements: { currently_due: account.currentlyDue, disabled_reason: account.disabledReason },
    external_accounts: { object: "list", data: account.destination === undefined ? [] : [destinationObject(account.destination)] },
  });
  const destinationObject = (kind: "bank" | "debit" | "credit") =>
    kind === "bank"
      ? {
          ...{ id: "ba_canary", object: "bank_account", account_holder_name: "Canary Person", routing_number: "110000000" },
          ...{ last4: "6789", default_for_currency: true, fingerprint: "canaryFingerprint" },
        }
      : { id: "card_canary", object: "card", funding: kind, last4: "5556", default_for_currency: true, exp_year: 2031 };
  const transferObject = (transfer: FakeTransfer) => ({
    id: transfer.id,
    object: "transfer",
    amount: transfer.amount,
    amount_reversed: transfer.reversed ? transfer.amount : 0,
    currency: "usd",
    destination: transfer.destination,
    metadata: transfer.metadata,
    reversed: transfer.reversed,
    transfer_group: transfer.group,
  });
  const payoutObject = (payout: FakePayout) => ({
    id: payout.id,
    object: "payout",
    amount: payout.amount,
    arrival_date: payout.created + 86_400,
    created: payout.created,
    currency: "usd",
    failure_code: payout.failureCode,
    metadata: payout.metadata,
    method: payout.method,
    status: payout.status,
  });
  const disputeObject = (id: string) => {
    const dispute = found(disputes, "dispute", id);
    const checkout = found(checkouts, "checkout.session", dispute.checkout);
    return {
      id,
      object: "dispute",
      amount: dispute.amount,
      currency: "usd",
      charge: checkout.payment?.chargeId,
      payment_intent: checkout.payment?.id,
      reason: "fraudulent",
      status: dispute.status,
      evidence: { customer_name: "Canary Person" },
    };
  };

  function takeFrom(account: FakeAccount, amount: number): void {
    if (account.balance < amount)
      throw new Refusal(400, "invalid_request_error", "You have insufficient funds in your Stripe account.", {
        code: "balance_insufficient",
      });
    account.balance -= amount;
  }

  return {
    ...{ checkouts, accounts, transfers, payouts, disputes, events },
    ...{ newId, now_s, tell, found, takeFrom },
    /** Fewer objects a page than are asked for, to see what is done with the rest. */
    limits: { page_max: 100 },
    ...{ checkoutObject, paymentObject, chargeObject, accountObject, transferObject, payoutObject },

    /** Somebody pays on the page; `later` is a method whose money comes, or does not, afterwards. */
    pay(id: string, when: "now" | "later" = "now"): void {
      const checkout = found(checkouts, "checkout.session", id);
      if (checkout.status !== "open") throw new Error(`the page ${id} is ${checkout.status}`);
      checkout.status = "complete";
      const isPaid = when === "now";
      checkout.payment = { id: newId("pi"), status: isPaid ? "succeeded" : "processing", chargeId: newId("ch"), refunded: 0 };
      checkout.paymentStatus = isPaid ? "paid" : "unpaid";
      tell("account", "checkout.session.completed", checkoutObject(checkout));
    },
    /** The money of a payment that was to come later. */
    arrive(id: string, how: "arrives" | "fails"): void {
      const checkout = found(checkouts, "checkout.session", id);
      if (checkout.payment === undefined || checkout.paymentStatus === "paid") throw new Error("nothing is awaited");
      checkout.payment.status = how === "arrives" ? "succeeded" : "requires_payment_method";
      if (how === "arrives") checkout.paymentStatus = "paid";
      const type = how === "arrives" ? "async_payment_succeeded" : "async_payment_failed";
      tell("account", `checkout.session.${type}`, checkoutObject(checkout));
    },
    expire(id: string): void {
      const checkout = found(checkouts, "checkout.session", id);
      if (checkout.status !== "open") return;
      checkout.status = "expired";
      tell("account", "checkout.session.expired", checkoutObject(checkout));
    },
    refund(id: string, cents: number): void {
      const checkout = found(checkouts, "checkout.session", id);
      if (checkout.payment === undefined || checkout.payment.refunded + cents > checkout.amount)
        throw new Error("there is not so much to refund");
      checkout.payment.refunded += cents;
      tell("account", "charge.refunded", chargeObject(checkout));
    },
    /** @returns id of the dispute */
    dispute(checkout: string, status: "needs_response" | "warning_needs_response" = "needs_response"): string {
      const id = newId("du");
      disputes.set(id, { id, checkout, amount: found(checkouts, "checkout.session", checkout).amount, status });
      tell("account", "charge.dispute.created", disputeObject(id));
      return id;
    },
    decide(disputeId: string, status: "won" | "lost" | "warning_closed" | "needs_response"): void {
      found(disputes, "dispute", disputeId).status = status;
      tell("account", status === "needs_response" ? "charge.dispute.updated" : "charge.dispute.closed", disputeObject(disputeId));
    },
    /** A person answers what Stripe asks. */
    onboard(accountId: string, destination: "bank" | "debit" | "credit" = "bank"): void {
      const account = found(accounts, "account", accountId);
      Object.assign(account, { payoutsEnabled: true, detailsSubmitted: true, currentlyDue: [], destination });
      tell("connect", "account.updated", accountObject(account), accountId);
    },
    change(accountId: string, change: Partial<FakeAccount>): void {
      const account = found(accounts, "account", accountId);
      Object.assign(account, change);
      tell("connect", "account.updated", accountObject(account), accountId);
    },
    /** What the bank does with a payout; money that fails goes back to the connected account. */
    settle(payoutId: string, status: "paid" | "failed" | "canceled"): void {
      const payout = found(payouts, "payout", payoutId);
      if (payout.status === status || payout.status === "failed" || payout.status === "canceled") return;
      payout.status = status;
      if (status !== "paid") {
        payout.failureCode = status === "failed" ? "account_closed" : null;
        found(accounts, "account", payout.account).balance += payout.amount;
      }
      tell("connect", `payout.${status}`, payoutObject(payout), payout.account);
    },
    reverseTransfer(id: string): string {
      const transfer = found(transfers, "transfer", id);
      if (transfer.reversed)
        throw new Refusal(400, "invalid_request_error", "Transfer is already fully reversed.", { code: "transfer_already_reversed" });
      takeFrom(found(accounts, "account", transfer.destination), transfer.amount);
      transfer.reversed = true;
      tell("account", "transfer.reversed", transferObject(transfer));
      return newId("trr");
    },

    /** Of a withdrawal: what is so. */
    truthOf(withdrawalId: string) {
      const ownTransfers = [...transfers.values()].filter(({ metadata }) => metadata["withdrawal_id"] === withdrawalId);
      const ownPayouts = [...payouts.values()].filter(({ metadata }) => metadata["withdrawal_id"] === withdrawalId);
      const live = ownPayouts.filter(({ status }) => status === "pending" || status === "paid");
      return { transfers: ownTransfers, payouts: ownPayouts, onItsWayToTheBank_cents: live.reduce((sum, { amount }) => sum + amount, 0) };
    },
  };
}

export type World = ReturnType<typeof createWorld>;
