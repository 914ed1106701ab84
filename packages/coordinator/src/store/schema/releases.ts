import { boolean, index, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.js";

/** Releases of the provider program, one row a platform. */
export const releases = pgTable(
  "releases",
  {
    version: text("version").notNull(),
    platform: text("platform").notNull(),
    /** `stable` or `beta`. */
    channel: text("channel").notNull(),
    url: text("url").notNull(),
    /** SHA-256 of the archive. */
    bundleHash: text("bundle_hash").notNull(),
    /** Aggregate hash over the files in it. */
    binaryHash: text("binary_hash").notNull(),
    /** By the key that makes releases, which is nowhere near a coordinator. */
    signature: text("signature"),
    changelog: text("changelog").notNull(),
    /** Percentage of machines that are offered it. */
    rollout_percent: integer("rollout").notNull(),
    active: boolean("active").notNull().default(true),
    createdAt: instant("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.version, table.platform] }), index("releases_platform").on(table.platform)],
);

/** At most one row: the oldest provider version that gets requests, where it was set by a call. */
export const providerVersionFloor = pgTable("provider_version_floor", {
  isOnly: boolean("is_only").primaryKey().default(true),
  /** Empty is any. */
  version: text("version").notNull(),
  setBy: text("set_by").notNull(),
  setAt: instant("set_at").notNull(),
});
