import { sql } from "drizzle-orm";
import { boolean, index, jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { instant } from "./columns.js";
import { users } from "./identity.js";

/** Accounts that are to be erased; an account has one such request at a time. */
export const erasureRequests = pgTable(
  "erasure_requests",
  {
    id: text("id").primaryKey(),
    accountId: text("account_id")
      .notNull()
      .references(() => users.accountId),
    state: text("state", { enum: ["scheduled", "cancelled", "done"] }).notNull(),
    forfeit: boolean("forfeit").notNull(),
    requestedAt: instant("requested_at").notNull(),
    scheduledFor: instant("scheduled_for").notNull(),
    endedAt: instant("ended_at"),
    report: jsonb("report").notNull(),
  },
  (table) => [
    uniqueIndex("erasure_requests_open").on(table.accountId).where(sql`${table.state} = 'scheduled'`),
    index("erasure_requests_due").on(table.scheduledFor).where(sql`${table.state} = 'scheduled'`),
  ],
);
