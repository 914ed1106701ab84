import { boolean, doublePrecision, index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { instant, microUsd } from "./columns.js";

/** How machines were, minute by minute. */
export const machineMinutes = pgTable(
  "machine_minutes",
  {
    machineId: text("machine_id").notNull(),
    minute: instant("minute").notNull(),
    accountId: text("account_id"),
    eligible: boolean("eligible").notNull(),
    reasons: text("reasons").array().notNull(),
    computeClass: text("compute_class").notNull(),
    memory_gb: doublePrecision("memory_gb").notNull(),
  },
  (table) => [primaryKey({ columns: [table.minute, table.machineId] })],
);

/** Epochs that were settled. */
export const rewardEpochs = pgTable("reward_epochs", {
  /** Its beginning, as 2026-11-30T12:05Z. */
  epochId: text("epoch_id").primaryKey(),
  budget_microUsd: microUsd("budget").notNull(),
  drawn_microUsd: microUsd("drawn").notNull(),
  settledAt: instant("settled_at").notNull(),
});

/** What a machine was paid for an epoch, which may be nothing. */
export const providerFloorDraws = pgTable(
  "provider_floor_draws",
  {
    machineId: text("machine_id").notNull(),
    epochId: text("epoch_id")
      .notNull()
      .references(() => rewardEpochs.epochId),
    accountId: text("account_id").notNull(),
    amount_microUsd: microUsd("amount").notNull(),
    floor_microUsd: microUsd("floor").notNull(),
    earned_microUsd: microUsd("earned").notNull(),
    uptime: doublePrecision("uptime").notNull(),
    memory_gb: doublePrecision("memory_gb").notNull(),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.machineId, table.epochId] }),
    index("provider_floor_draws_epoch").on(table.epochId),
    index("provider_floor_draws_account").on(table.accountId, table.epochId),
  ],
);

/** The most memory that machines of a class come with. */
export const hardwareCaps = pgTable("hardware_caps", {
  computeClass: text("compute_class").primaryKey(),
  memory_gb_max: doublePrecision("max_gb").notNull(),
});
