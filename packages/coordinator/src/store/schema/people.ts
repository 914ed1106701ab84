import { bigint, boolean, doublePrecision, index, integer, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { createdAt, instant, updatedAt } from "./columns.js";
import { users } from "./identity.js";

/** The keys of these five are the field names of the sign-in library, which reads and writes by them. */
export const authUsers = pgTable("auth_users", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  email: text("email").notNull().unique(),
  emailVerified: boolean("email_verified").notNull().default(false),
  image: text("image"),
  twoFactorEnabled: boolean("two_factor_enabled").default(false),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
});

export const authSessions = pgTable(
  "auth_sessions",
  {
    id: text("id").primaryKey(),
    /** The digest; see `accounts/sign-in/hashed-sessions.ts`. */
    token: text("token_hash").notNull().unique(),
    userId: text("user_id").notNull(),
    ipAddress: text("network"),
    userAgent: text("user_agent"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    expiresAt: instant("expires_at").notNull(),
  },
  (table) => [index("auth_sessions_user").on(table.userId), index("auth_sessions_expires").on(table.expiresAt)],
);

export const authLogins = pgTable(
  "auth_logins",
  {
    id: text("id").primaryKey(),
    accountId: text("account_id").notNull(),
    providerId: text("provider_id").notNull(),
    userId: text("user_id").notNull(),
    accessToken: text("access_token"),
    refreshToken: text("refresh_token"),
    idToken: text("id_token"),
    accessTokenExpiresAt: instant("access_token_expires_at"),
    refreshTokenExpiresAt: instant("refresh_token_expires_at"),
    scope: text("scope"),
    password: text("password"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [unique().on(table.providerId, table.accountId), index("auth_logins_user").on(table.userId)],
);

export const authVerifications = pgTable(
  "auth_verifications",
  {
    id: text("id").primaryKey(),
    identifier: text("identifier").notNull(),
    value: text("value").notNull(),
    expiresAt: instant("expires_at").notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [index("auth_verifications_identifier").on(table.identifier), index("auth_verifications_expires").on(table.expiresAt)],
);

export const authPasskeys = pgTable(
  "auth_passkeys",
  {
    id: text("id").primaryKey(),
    name: text("name"),
    publicKey: text("public_key").notNull(),
    userId: text("user_id").notNull(),
    credentialID: text("credential_id").notNull().unique(),
    counter: bigint("counter", { mode: "number" }).notNull(),
    deviceType: text("device_type").notNull(),
    backedUp: boolean("backed_up").notNull(),
    transports: text("transports"),
    aaguid: text("aaguid"),
    createdAt: instant("created_at").defaultNow(),
  },
  (table) => [index("auth_passkeys_user").on(table.userId)],
);

export const authSecondFactors = pgTable("auth_second_factors", {
  id: text("id").primaryKey(),
  userId: text("user_id").notNull().unique(),
  secret: text("secret").notNull(),
  backupCodes: text("backup_codes").notNull(),
  verified: boolean("verified").default(true),
  failedVerificationCount: integer("failed_verification_count").default(0),
  lockedUntil: instant("locked_until"),
});

/** By the names under which the sign-in library knows them. */
export const authTables = {
  user: authUsers,
  session: authSessions,
  account: authLogins,
  verification: authVerifications,
  passkey: authPasskeys,
  twoFactor: authSecondFactors,
};

export const invitations = pgTable(
  "invitations",
  {
    id: text("id").primaryKey(),
    /** In lower case. */
    email: text("email").notNull(),
    invitedBy: text("invited_by").notNull(),
    createdAt: instant("created_at").notNull(),
    expiresAt: instant("expires_at").notNull(),
    usedAt: instant("used_at"),
    accountId: text("account_id").references(() => users.accountId),
    revokedAt: instant("revoked_at"),
  },
  (table) => [index("invitations_email").on(table.email)],
);

export const externalIdentities = pgTable(
  "external_identities",
  {
    issuer: text("issuer").notNull(),
    subject: text("subject").notNull(),
    accountId: text("account_id")
      .notNull()
      .references(() => users.accountId),
    emailCheckedAt: instant("email_checked_at"),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.issuer, table.subject] }), index("external_identities_account").on(table.accountId)],
);

/** Tries that were counted, by a digest of what is limited and for whom. */
export const attemptBuckets = pgTable(
  "attempt_buckets",
  {
    bucket: text("bucket").primaryKey(),
    perSecond: doublePrecision("per_second").notNull(),
    burst: doublePrecision("burst").notNull(),
    tokens: doublePrecision("tokens").notNull(),
    at: instant("at").notNull(),
    /** From when on it says no more than one that is not there. */
    fullAt: instant("full_at").notNull(),
  },
  (table) => [index("attempt_buckets_full").on(table.fullAt)],
);
