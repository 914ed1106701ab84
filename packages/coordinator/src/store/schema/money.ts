import { sql } from "drizzle-orm";
import { bigint, boolean, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { count, createdAt, instant, microUsd, updatedAt } from "./columns.js";
import { users } from "./identity.js";

/** One balanced movement of money; its entries sum to zero. */
export const ledgerTransactions = pgTable(
  "ledger_transactions",
  {
    id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text("kind").notNull(),
    idempotencyKey: text("idempotency_key").notNull().unique(),
    reference: text("reference").notNull(),
    createdAt: createdAt(),
  },
  (table) => [index("ledger_transactions_reference").on(table.reference)],
);

/** Append-only: a trigger refuses updates and deletes. `seq` counts without gaps per account. */
export const ledgerEntries = pgTable(
  "ledger_entries",
  {
    accountId: text("account_id").notNull(),
    seq: count("seq").notNull(),
    transactionId: bigint("transaction_id", { mode: "bigint" })
      .notNull()
      .references(() => ledgerTransactions.id),
    entryType: text("entry_type").notNull(),
    amount_microUsd: microUsd("amount").notNull(),
    withdrawableDelta_microUsd: microUsd("withdrawable_delta").notNull(),
    balanceAfter_microUsd: microUsd("balance_after").notNull(),
    withdrawableAfter_microUsd: microUsd("withdrawable_after").notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.seq] }),
    index("ledger_entries_transaction").on(table.transactionId),
    index("ledger_entries_rewards").on(table.createdAt).where(sql`${table.entryType} in ('referral_reward', 'admin_reward')`),
  ],
);

/** What operators wrote about money that they gave. Beside the journal, because it goes with the account. */
export const ledgerNotes = pgTable("ledger_notes", {
  transactionId: bigint("transaction_id", { mode: "bigint" })
    .primaryKey()
    .references(() => ledgerTransactions.id),
  note: text("note").notNull(),
});

export const balances = pgTable("balances", {
  accountId: text("account_id").primaryKey(),
  balance_microUsd: microUsd("balance").notNull().default(sql`0`),
  withdrawable_microUsd: microUsd("withdrawable").notNull().default(sql`0`),
  held_microUsd: microUsd("held").notNull().default(sql`0`),
  /** Number of the account's last ledger entry. */
  seq: count("seq").notNull().default(0),
  updatedAt: updatedAt(),
});

/** One row a logical request: what is held for it and at which prices it will be settled. */
export const reservations = pgTable(
  "reservations",
  {
    requestId: text("request_id").primaryKey(),
    accountId: text("account_id").notNull(),
    keyId: text("key_id"),
    /** Window of the key's spend that the hold was counted in. */
    windowStart: instant("window_start"),
    model: text("model").notNull(),
    publicModel: text("public_model").notNull(),
    state: text("state", { enum: ["held", "parked", "settled", "released"] }).notNull(),
    hold_microUsd: microUsd("hold").notNull(),
    /** What was held at admission; `hold` is more while an attempt is under way whose machine costs more. */
    baseHold_microUsd: microUsd("base_hold").notNull(),
    promptBound_tokens: count("prompt_bound").notNull(),
    outputBound_tokens: count("output_bound").notNull(),
    inputPrice_microUsd: microUsd("price_in").notNull(),
    outputPrice_microUsd: microUsd("price_out").notNull(),
    priceSource: text("price_source", { enum: ["platform", "fallback"] }).notNull(),
    feePercent: integer("fee_percent").notNull(),
    /** Of an aggregator: list prices, and no least charge. */
    isService: boolean("is_service").notNull().default(false),
    instanceId: text("instance_id").notNull(),
    providerSessionId: text("provider_session_id"),
    machineId: text("machine_id"),
    providerAccountId: text("provider_account_id"),
    cost_microUsd: microUsd("cost"),
    finalReason: text("final_reason"),
    createdAt: createdAt(),
    parkedAt: instant("parked_at"),
    finalizedAt: instant("finalized_at"),
  },
  (table) => [
    index("reservations_open").on(table.instanceId).where(sql`${table.state} in ('held', 'parked')`),
    index("reservations_account").on(table.accountId, table.createdAt),
    index("reservations_final").on(table.finalizedAt).where(sql`${table.finalizedAt} is not null`),
  ],
);

/** Attempts on machines whose owner asks for more than was held at admission. */
export const reservationAttempts = pgTable(
  "reservation_attempts",
  {
    requestId: text("request_id")
      .notNull()
      .references(() => reservations.requestId, { onDelete: "cascade" }),
    attempt: integer("attempt").notNull(),
    machineId: text("machine_id").notNull(),
    providerAccountId: text("provider_account_id").notNull(),
    /** The worst case at that machine's prices. */
    required_microUsd: microUsd("required").notNull(),
    state: text("state", { enum: ["live", "abandoned", "committed"] }).notNull(),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.requestId, table.attempt] })],
);

/** Settlements that can never be booked, kept for a person to look at. */
export const settlementDeadLetter = pgTable("settlement_dead_letter", {
  id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
  requestId: text("request_id"),
  payload: jsonb("payload").notNull(),
  error: text("error").notNull(),
  createdAt: createdAt(),
  resolvedAt: instant("resolved_at"),
});

/** Micro-USD per 1,000,000 tokens. Account `platform` holds the list prices. */
export const modelPrices = pgTable(
  "model_prices",
  {
    accountId: text("account_id").notNull(),
    model: text("model").notNull(),
    input_microUsd: microUsd("input_price").notNull(),
    output_microUsd: microUsd("output_price").notNull(),
    updatedAt: updatedAt(),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.model] })],
);

/** Append-only: who has set which price when; null is a price that was taken away. */
export const modelPriceHistory = pgTable(
  "model_price_history",
  {
    id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    accountId: text("account_id").notNull(),
    model: text("model").notNull(),
    input_microUsd: microUsd("input_price"),
    output_microUsd: microUsd("output_price"),
    actor: text("actor").notNull(),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [index("model_price_history_model").on(table.accountId, table.model, table.id)],
);

/** What a settled request paid to whom. Unlinked machines earn for `sys:unclaimed`. */
export const providerEarnings = pgTable(
  "provider_earnings",
  {
    jobId: text("job_id").primaryKey(),
    accountId: text("account_id").notNull(),
    machineId: text("machine_id").notNull(),
    model: text("model").notNull(),
    amount_microUsd: microUsd("amount").notNull(),
    prompt_tokens: count("prompt_tokens").notNull(),
    completion_tokens: count("completion_tokens").notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    index("provider_earnings_account").on(table.accountId, table.createdAt.desc()),
    index("provider_earnings_time").on(table.createdAt),
    index("provider_earnings_machine").on(table.machineId, table.createdAt.desc()),
    index("provider_earnings_unclaimed").on(table.machineId).where(sql`${table.accountId} = 'sys:unclaimed'`),
  ],
);

/** What a settled request consumed. No prompt, no completion, no address. */
export const usage = pgTable(
  "usage",
  {
    requestId: text("request_id").primaryKey(),
    accountId: text("account_id").notNull(),
    keyId: text("key_id"),
    machineId: text("machine_id").notNull(),
    model: text("model").notNull(),
    publicModel: text("public_model").notNull(),
    prompt_tokens: count("prompt_tokens").notNull(),
    completion_tokens: count("completion_tokens").notNull(),
    reasoning_tokens: count("reasoning_tokens").notNull(),
    cachedPrompt_tokens: count("cached_prompt_tokens").notNull(),
    cost_microUsd: microUsd("cost").notNull(),
    /** What its tokens cost, per million; null where it was free. */
    input_microUsd: microUsd("input_price"),
    output_microUsd: microUsd("output_price"),
    /** False: served by the consumer's own machine; left out of public statistics. */
    isPublic: boolean("is_public").notNull(),
    /** When the money was held; decides the window of a key's cap. */
    admittedAt: instant("admitted_at").notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    index("usage_account").on(table.accountId, table.createdAt.desc()),
    index("usage_key").on(table.keyId, table.admittedAt.desc()).where(sql`${table.keyId} is not null`),
    index("usage_time").on(table.createdAt),
    index("usage_machine").on(table.machineId, table.createdAt.desc()),
  ],
);

/** Accounts that bring others under a code of theirs. */
export const referrers = pgTable("referrers", {
  accountId: text("account_id")
    .primaryKey()
    .references(() => users.accountId),
  /** In capitals. */
  code: text("code").notNull().unique(),
  createdAt: createdAt(),
});

/** Who was brought by whom; an account has one referrer for ever. */
export const referrals = pgTable(
  "referrals",
  {
    referredAccountId: text("referred_account_id")
      .primaryKey()
      .references(() => users.accountId),
    referrerCode: text("referrer_code")
      .notNull()
      .references(() => referrers.code),
    createdAt: createdAt(),
  },
  (table) => [index("referrals_referrer").on(table.referrerCode)],
);
