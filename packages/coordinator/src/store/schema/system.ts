import { sql } from "drizzle-orm";
import { bigint, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { count, instant } from "./columns.js";
import { users } from "./identity.js";

/** One row a machine, by its stable identity; not one a connection. */
export const providers = pgTable(
  "providers",
  {
    machineId: text("machine_id").primaryKey(),
    accountId: text("account_id"),
    /** Raw X25519 public key, base64. */
    encryptionKey: text("encryption_key").notNull(),
    hardware: jsonb("hardware").notNull(),
    models: jsonb("models").notNull(),
    backend: text("backend").notNull(),
    version: text("version").notNull(),
    trustLevel: text("trust_level").notNull(),
    registeredAt: instant("registered_at").notNull().defaultNow(),
    lastSeenAt: instant("last_seen_at").notNull().defaultNow(),
    /** Why the machine gets no requests any more; null while it is trusted. */
    untrustedReason: text("untrusted_reason"),
    untrustedAt: instant("untrusted_at"),
    /** What it has counted in all its life; only the coordinator's fleet reads it. */
    counters: jsonb("counters"),
  },
  (table) => [index("providers_account").on(table.accountId, table.lastSeenAt.desc())],
);

/** Each connection of a machine. */
export const providerSessions = pgTable(
  "provider_sessions",
  {
    sessionId: text("session_id").primaryKey(),
    machineId: text("machine_id").notNull(),
    accountId: text("account_id"),
    version: text("version").notNull(),
    openedAt: instant("opened_at").notNull(),
    lastSeenAt: instant("last_seen_at").notNull(),
    /** Null while it is open. */
    closedAt: instant("closed_at"),
    reason: text("reason"),
  },
  (table) => [
    index("provider_sessions_machine").on(table.machineId, table.openedAt.desc()),
    index("provider_sessions_account").on(table.accountId, table.openedAt),
    index("provider_sessions_open").on(table.lastSeenAt).where(sql`${table.closedAt} is null`),
    index("provider_sessions_closed").on(table.closedAt),
  ],
);

/** How a machine failed and how it stands; only the coordinator's fleet reads it. */
export const machineHealth = pgTable("machine_health", {
  machineId: text("machine_id")
    .primaryKey()
    .references(() => providers.machineId, { onDelete: "cascade" }),
  health: jsonb("health").notNull(),
  updatedAt: instant("updated_at").notNull(),
});

/** Coordinators that use this database; silence tells that one has died. */
export const coordinatorInstances = pgTable("coordinator_instances", {
  id: text("id").primaryKey(),
  host: text("host").notNull(),
  pid: count("pid").notNull(),
  startedAt: instant("started_at").notNull(),
  heartbeatAt: instant("heartbeat_at").notNull(),
});

/** Jobs that one coordinator is to do, and until when nobody else begins them. */
export const jobLeases = pgTable("job_leases", {
  name: text("name").primaryKey(),
  owner: text("owner").notNull(),
  until: instant("until").notNull(),
});

export const schemaMigrations = pgTable("schema_migrations", {
  id: integer("id").primaryKey(),
  name: text("name").notNull(),
  checksum: text("checksum").notNull(),
  appliedAt: instant("applied_at").notNull().defaultNow(),
});

/** What callers' idempotency keys stand for: digests and states, never a body. */
export const idempotencyKeys = pgTable(
  "idempotency_keys",
  {
    accountId: text("account_id")
      .notNull()
      .references(() => users.accountId),
    keyDigest: text("key_digest").notNull(),
    bodyDigest: text("body_digest").notNull(),
    requestId: text("request_id").notNull(),
    state: text("state", { enum: ["running", "ended"] }).notNull(),
    instanceId: text("instance_id").notNull(),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.keyDigest] }), index("idempotency_keys_age").on(table.createdAt)],
);

/** What operators changed: who, what, and how it stood before and after. */
export const adminAudit = pgTable(
  "admin_audit",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant("at").notNull(),
    /** `admin-key`, an account, or `coordinator` for what it did by itself. */
    actor: text("actor").notNull(),
    action: text("action").notNull(),
    target: text("target").notNull(),
    before: jsonb("before"),
    after: jsonb("after"),
    /** Of the address that it came from; null where it came from no network. */
    ipHash: text("ip_hash"),
  },
  (table) => [index("admin_audit_target").on(table.target, table.id.desc())],
);

/** What an operator's idempotency keys stand for, so that a repetition changes nothing and hears the same. */
export const adminRequests = pgTable(
  "admin_requests",
  {
    idempotencyKey: text("idempotency_key").primaryKey(),
    action: text("action").notNull(),
    digest: text("digest").notNull(),
    /** Null only inside the transaction that does it. */
    answer: jsonb("answer"),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [index("admin_requests_age").on(table.createdAt)],
);
