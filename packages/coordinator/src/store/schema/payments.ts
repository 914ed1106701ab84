import { sql } from "drizzle-orm";
import { boolean, index, integer, pgTable, primaryKey, text, unique, uniqueIndex } from "drizzle-orm/pg-core";
import { count, instant, microUsd } from "./columns.js";

/** Money that comes in by card, one row a payment page. */
export const billingSessions = pgTable(
  "billing_sessions",
  {
    id: text("id").primaryKey(),
    accountId: text("account_id").notNull(),
    paymentMethod: text("payment_method").notNull(),
    amount_microUsd: microUsd("amount").notNull(),
    amount_cents: count("amount_cents").notNull(),
    externalId: text("external_id").unique(),
    paymentIntentId: text("payment_intent_id"),
    status: text("status", { enum: ["creating", "pending", "completed", "expired", "needs_review"] }).notNull(),
    referralCode: text("referral_code"),
    refunded_microUsd: microUsd("refunded").notNull().default(sql`0`),
    reviewReason: text("review_reason"),
    createdAt: instant("created_at").notNull(),
    completedAt: instant("completed_at"),
  },
  (table) => [
    index("billing_sessions_account").on(table.accountId, table.createdAt.desc()),
    index("billing_sessions_payment").on(table.paymentIntentId).where(sql`${table.paymentIntentId} is not null`),
  ],
);

/** Payments whose payers went to their bank. */
export const paymentDisputes = pgTable(
  "payment_disputes",
  {
    id: text("id").primaryKey(),
    sessionId: text("session_id")
      .notNull()
      .references(() => billingSessions.id),
    accountId: text("account_id").notNull(),
    amount_microUsd: microUsd("amount").notNull(),
    taken_microUsd: microUsd("taken").notNull().default(sql`0`),
    takenWithdrawable_microUsd: microUsd("taken_withdrawable").notNull().default(sql`0`),
    state: text("state", { enum: ["inquiry", "charged", "reversed"] }).notNull(),
    reason: text("reason").notNull(),
    createdAt: instant("created_at").notNull(),
    updatedAt: instant("updated_at").notNull(),
  },
  (table) => [index("payment_disputes_account").on(table.accountId)],
);

/** Connected accounts at Stripe, to which withdrawals go. */
export const stripeAccounts = pgTable(
  "stripe_accounts",
  {
    stripeAccountId: text("stripe_account_id").primaryKey(),
    accountId: text("account_id").notNull(),
    country: text("country").notNull(),
    active: boolean("active").notNull().default(true),
    status: text("status", { enum: ["pending", "restricted", "ready", "rejected"] })
      .notNull()
      .default("pending"),
    destinationType: text("destination_type", { enum: ["bank", "card"] }),
    destinationLast4: text("destination_last4"),
    instantEligible: boolean("instant_eligible").notNull().default(false),
    currentlyDue: text("currently_due").array().notNull().default(sql`'{}'`),
    lastEventAt: instant("last_event_at"),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [uniqueIndex("stripe_accounts_active").on(table.accountId).where(sql`${table.active}`)],
);

/** Money on its way out, by whatever rail. */
export const withdrawals = pgTable(
  "withdrawals",
  {
    id: text("id").primaryKey(),
    accountId: text("account_id").notNull(),
    rail: text("rail", { enum: ["stripe", "chain"] }).notNull(),
    destination: text("destination").notNull(),
    method: text("method").notNull(),
    amount_microUsd: microUsd("amount").notNull(),
    fee_microUsd: microUsd("fee").notNull(),
    net_microUsd: microUsd("net").notNull(),
    status: text("status", { enum: ["pending", "transferred", "submitted", "paid", "failed"] }).notNull(),
    transferId: text("transfer_id"),
    payoutId: text("payout_id"),
    reversalId: text("reversal_id"),
    failureReason: text("failure_reason"),
    refunded: boolean("refunded").notNull().default(false),
    payoutRefusals: integer("payout_refusals").notNull().default(0),
    arrivalAt: instant("arrival_at"),
    clientKey: text("client_key"),
    createdAt: instant("created_at").notNull(),
    updatedAt: instant("updated_at").notNull(),
  },
  (table) => [
    index("withdrawals_account").on(table.accountId, table.createdAt.desc()),
    uniqueIndex("withdrawals_client_key").on(table.accountId, table.clientKey).where(sql`${table.clientKey} is not null`),
    uniqueIndex("withdrawals_transfer").on(table.transferId).where(sql`${table.transferId} is not null`),
    uniqueIndex("withdrawals_payout").on(table.payoutId).where(sql`${table.payoutId} is not null`),
  ],
);

/** Addresses on a chain that their owners have signed for. */
export const payoutAddresses = pgTable("payout_addresses", {
  accountId: text("account_id").primaryKey(),
  address: text("address").notNull(),
  verifiedAt: instant("verified_at").notNull(),
});

export const payoutAddressChallenges = pgTable("payout_address_challenges", {
  accountId: text("account_id").primaryKey(),
  address: text("address").notNull(),
  message: text("message").notNull(),
  expiresAt: instant("expires_at").notNull(),
});

export const chainNonces = pgTable(
  "chain_nonces",
  {
    chainId: count("chain_id").notNull(),
    sender: text("sender").notNull(),
    nextNonce: count("next_nonce").notNull(),
  },
  (table) => [primaryKey({ columns: [table.chainId, table.sender] })],
);

/** What a payout on a chain is, fixed when it gets its nonce. */
export const chainTransfers = pgTable(
  "chain_transfers",
  {
    withdrawalId: text("withdrawal_id")
      .primaryKey()
      .references(() => withdrawals.id),
    chainId: count("chain_id").notNull(),
    sender: text("sender").notNull(),
    token: text("token").notNull(),
    recipient: text("recipient").notNull(),
    /** Of the token's least unit: more than 64 bits can hold. */
    units: text("units").notNull(),
    nonce: count("nonce").notNull(),
    gas: count("gas").notNull(),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [unique().on(table.chainId, table.sender, table.nonce)],
);

/** Transactions that were signed for a payout: all with its nonce, each with a higher fee than the one before. */
export const chainTransactions = pgTable(
  "chain_transactions",
  {
    hash: text("hash").primaryKey(),
    withdrawalId: text("withdrawal_id")
      .notNull()
      .references(() => chainTransfers.withdrawalId),
    maxFee_wei: text("max_fee").notNull(),
    maxPriorityFee_wei: text("max_priority_fee").notNull(),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [index("chain_transactions_withdrawal").on(table.withdrawalId)],
);
