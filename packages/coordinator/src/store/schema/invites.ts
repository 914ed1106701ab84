import { sql } from "drizzle-orm";
import { bigint, boolean, index, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { instant, microUsd } from "./columns.js";
import { users } from "./identity.js";

/** Codes that are worth money to spend, once an account. */
export const inviteCodes = pgTable(
  "invite_codes",
  {
    /** In capitals. */
    code: text("code").primaryKey(),
    amount_microUsd: microUsd("amount_micro_usd").notNull(),
    /** 0 is without end. */
    uses_max: integer("max_uses").notNull(),
    uses: integer("used_count").notNull().default(sql`0`),
    active: boolean("active").notNull().default(true),
    expiresAt: instant("expires_at"),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [index("invite_codes_created").on(table.createdAt)],
);

/** Together with the ledger's posting of the same code and account, or not at all. */
export const inviteRedemptions = pgTable(
  "invite_redemptions",
  {
    code: text("code")
      .notNull()
      .references(() => inviteCodes.code),
    accountId: text("account_id")
      .notNull()
      .references(() => users.accountId),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.code, table.accountId] }), index("invite_redemptions_account").on(table.accountId)],
);

/** Codes that there are not, by who asked for them; kept as long as they count. */
export const inviteMisses = pgTable(
  "invite_misses",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    accountId: text("account_id")
      .notNull()
      .references(() => users.accountId),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [index("invite_misses_account").on(table.accountId, table.createdAt)],
);
