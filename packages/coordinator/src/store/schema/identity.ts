import { sql } from "drizzle-orm";
import { boolean, index, integer, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { createdAt, instant, microUsd } from "./columns.js";

export const users = pgTable(
  "users",
  {
    accountId: text("account_id").primaryKey(),
    displayName: text("display_name").notNull(),
    /** Percent; null takes the default. */
    platformFeePercent: integer("platform_fee_percent"),
    /** Whether the account stands in public lists, under its pseudonym. */
    listed: boolean("listed").notNull().default(true),
    createdAt: createdAt(),
    /** In lower case. */
    email: text("email"),
    /** The identity provider has not told it yet. */
    emailPending: boolean("email_pending").notNull().default(false),
    /** `service` is a trusted aggregator: list prices, no least charge, wider request limits. */
    role: text("role", { enum: ["", "service"] })
      .notNull()
      .default(""),
    /** Why the account may neither ask models nor withdraw; null while it may. */
    frozenReason: text("frozen_reason"),
    erasedAt: instant("erased_at"),
    /** May use the routes of operators when signed in. */
    operator: boolean("operator").notNull().default(false),
    /** The account that this one went over to; what still comes in for it follows. */
    mergedInto: text("merged_into"),
  },
  (table) => [index("users_email").on(table.email), index("users_merged").on(table.mergedInto).where(sql`${table.mergedInto} is not null`)],
);

/** Deleted keys keep their row, so that usage can name them; their hash is wiped. */
export const apiKeys = pgTable(
  "api_keys",
  {
    id: text("id").primaryKey(),
    keyHash: text("key_hash").unique(),
    label: text("label").notNull(),
    ownerAccountId: text("owner_account_id")
      .notNull()
      .references(() => users.accountId),
    name: text("name").notNull(),
    disabled: boolean("disabled").notNull().default(false),
    limit_microUsd: microUsd("limit_micro_usd"),
    limitReset: text("limit_reset", { enum: ["none", "daily", "weekly", "monthly"] }).notNull(),
    /** Per minute; null inherits the account's limit. */
    rpmLimit: integer("rpm_limit"),
    itpmLimit: integer("itpm_limit"),
    otpmLimit: integer("otpm_limit"),
    allowedModels: text("allowed_models").array().notNull(),
    /** The key reaches the account's own machines only, and spends nothing. */
    selfRouteOnly: boolean("self_route_only").notNull().default(false),
    expiresAt: instant("expires_at"),
    createdAt: createdAt(),
    lastUsedAt: instant("last_used_at"),
    /** Whether it stands for what the account does on the console. */
    console: boolean("console").notNull().default(false),
    deletedAt: instant("deleted_at"),
  },
  (table) => [
    index("api_keys_owner").on(table.ownerAccountId, table.createdAt.desc()),
    // Of those that the console asks with, and that are not deleted.
    unique("api_keys_console").on(table.ownerAccountId),
  ],
);

/** Spend of a key in one calendar window, changed together with reservations and settlements. */
export const apiKeySpend = pgTable(
  "api_key_spend",
  {
    keyId: text("key_id").notNull(),
    windowStart: instant("window_start").notNull(),
    spent_microUsd: microUsd("spent").notNull().default(sql`0`),
    held_microUsd: microUsd("held").notNull().default(sql`0`),
  },
  (table) => [primaryKey({ columns: [table.keyId, table.windowStart] })],
);

export const providerTokens = pgTable(
  "provider_tokens",
  {
    id: text("id").primaryKey(),
    tokenHash: text("token_hash").notNull().unique(),
    accountId: text("account_id")
      .notNull()
      .references(() => users.accountId),
    label: text("label").notNull(),
    expiresAt: instant("expires_at"),
    createdAt: createdAt(),
    lastUsedAt: instant("last_used_at"),
    revokedAt: instant("revoked_at"),
  },
  (table) => [index("provider_tokens_account").on(table.accountId)],
);

/** Machines that ask to be linked to an account, by digests of their codes. */
export const deviceCodes = pgTable(
  "device_codes",
  {
    deviceCodeHash: text("device_code_hash").primaryKey(),
    userCodeHash: text("user_code_hash").notNull().unique(),
    status: text("status", { enum: ["pending", "approved", "denied", "consumed"] })
      .notNull()
      .default("pending"),
    accountId: text("account_id").references(() => users.accountId),
    clientName: text("client_name").notNull(),
    platform: text("platform").notNull(),
    network: text("network").notNull(),
    /** What its token is to be: a machine's own, or the session of whoever approves. */
    purpose: text("purpose", { enum: ["machine", "person"] })
      .notNull()
      .default("machine"),
    interval_s: integer("interval_s").notNull(),
    /** Of what its machine alone knows, if it sent one. */
    clientNonceHash: text("client_nonce_hash"),
    /** When the token was handed out. */
    consumedAt: instant("consumed_at"),
    lastPollAt: instant("last_poll_at"),
    createdAt: instant("created_at").notNull(),
    expiresAt: instant("expires_at").notNull(),
  },
  (table) => [index("device_codes_expires").on(table.expiresAt)],
);
