import { sql } from "drizzle-orm";
import { bigint, boolean, index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.js";

/** Work with the world outside, written in the transaction that makes it necessary, and done at least once. */
export const outbox = pgTable(
  "outbox",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text("kind").notNull(),
    aggregateId: text("aggregate_id").notNull(),
    idempotencyKey: text("idempotency_key").notNull().unique(),
    payload: jsonb("payload").notNull(),
    state: text("state", { enum: ["queued", "running", "done", "dead"] })
      .notNull()
      .default("queued"),
    /** How often it was begun. */
    attempts: integer("attempts").notNull().default(0),
    nextAt: instant("next_at").notNull(),
    leaseOwner: text("lease_owner"),
    leaseUntil: instant("lease_until"),
    lastError: text("last_error"),
    createdAt: instant("created_at").notNull(),
    finishedAt: instant("finished_at"),
  },
  (table) => [
    index("outbox_due").on(table.nextAt).where(sql`${table.state} = 'queued'`),
    index("outbox_leased").on(table.leaseUntil).where(sql`${table.state} = 'running'`),
    index("outbox_aggregate").on(table.aggregateId),
  ],
);

/** Verified events of Stripe, each once, until they are processed and for a while after. */
export const stripeEvents = pgTable(
  "stripe_events",
  {
    eventId: text("event_id").primaryKey(),
    /** `account`: of our own Stripe account. `connect`: of the accounts of those whom we pay. */
    endpoint: text("endpoint", { enum: ["account", "connect"] }).notNull(),
    type: text("type").notNull(),
    livemode: boolean("livemode").notNull(),
    payload: jsonb("payload").notNull(),
    receivedAt: instant("received_at").notNull(),
    processedAt: instant("processed_at"),
    attempts: integer("attempts").notNull().default(0),
    nextAt: instant("next_at").notNull(),
    lastError: text("last_error"),
  },
  (table) => [
    index("stripe_events_unprocessed").on(table.nextAt).where(sql`${table.processedAt} is null`),
    index("stripe_events_processed").on(table.processedAt),
  ],
);

/** Until when Stripe has been asked for events that never came. One row. */
export const stripeCatchUp = pgTable("stripe_catch_up", {
  id: integer("id").primaryKey(),
  heardUntil: instant("heard_until").notNull(),
});
