import { boolean, date, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { count, instant, microUsd } from "./columns.js";

/** What was used, by the day, for good. */
export const usageDays = pgTable(
  "usage_days",
  {
    day: date("day").notNull(),
    accountId: text("account_id").notNull(),
    keyId: text("key_id").notNull(),
    model: text("model").notNull(),
    publicModel: text("public_model").notNull(),
    isPublic: boolean("is_public").notNull(),
    requests: count("requests").notNull(),
    /** Those that cost something. */
    paidRequests: count("paid_requests").notNull(),
    prompt_tokens: count("prompt_tokens").notNull(),
    completion_tokens: count("completion_tokens").notNull(),
    cost_microUsd: microUsd("cost").notNull(),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.day, table.keyId, table.model, table.publicModel, table.isPublic] })],
);

/** How far the days reach, and what is public in them. One row. */
export const usageTotals = pgTable("usage_totals", {
  id: integer("id").primaryKey(),
  until: date("until").notNull(),
  requests: count("requests").notNull(),
  prompt_tokens: count("prompt_tokens").notNull(),
  completion_tokens: count("completion_tokens").notNull(),
  /** Of days before it single requests are removed, or about to be. */
  keptFrom: date("kept_from").notNull().default("-infinity"),
  /** How far the minutes reach. */
  minutesUntil: instant("minutes_until"),
});

/** What was used for the public, by the minute, for a while. */
export const usageMinutes = pgTable("usage_minutes", {
  minute: instant("minute").primaryKey(),
  requests: count("requests").notNull(),
  prompt_tokens: count("prompt_tokens").notNull(),
  completion_tokens: count("completion_tokens").notNull(),
});
