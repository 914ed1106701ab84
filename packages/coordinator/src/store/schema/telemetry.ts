import { bigint, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { count, instant } from "./columns.js";
import { users } from "./identity.js";

/** What machines and consoles tell of themselves: words of a closed list, names and numbers. */
export const telemetryEvents = pgTable(
  "telemetry_events",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    /** As its sender names it: what is sent twice is kept once. */
    eventId: text("event_id").notNull().unique(),
    receivedAt: instant("received_at").notNull(),
    happenedAt: instant("happened_at").notNull(),
    source: text("source").notNull(),
    message: text("message").notNull(),
    kind: text("kind").notNull(),
    severity: text("severity").notNull(),
    version: text("version"),
    sessionId: text("session_id"),
    /** Of whoever proved it; null is nobody known. */
    machine: text("machine"),
    accountId: text("account_id"),
    fields: jsonb("fields").notNull(),
    stack: text("stack"),
    /** The same of events that are the same but for when and where. */
    fingerprint: text("fingerprint").notNull(),
  },
  (table) => [index("telemetry_events_received").on(table.receivedAt), index("telemetry_events_account").on(table.accountId)],
);

/** Logs that owners of machines send. */
export const logReports = pgTable(
  "log_reports",
  {
    id: text("id").primaryKey(),
    accountId: text("account_id")
      .notNull()
      .references(() => users.accountId),
    /** Of the token that it came with. */
    machine: text("machine").notNull(),
    /** Pseudonym of the machine, as far as the token tells. */
    provider: text("provider"),
    bytes: count("bytes").notNull(),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [
    index("log_reports_created").on(table.createdAt),
    index("log_reports_account").on(table.accountId, table.createdAt),
    index("log_reports_machine").on(table.machine, table.createdAt),
  ],
);

export const logReportParts = pgTable(
  "log_report_parts",
  {
    reportId: text("report_id")
      .notNull()
      .references(() => logReports.id, { onDelete: "cascade" }),
    part: integer("part").notNull(),
    /** A piece of the compressed lines, in base64. */
    content: text("content").notNull(),
  },
  (table) => [primaryKey({ columns: [table.reportId, table.part] })],
);
