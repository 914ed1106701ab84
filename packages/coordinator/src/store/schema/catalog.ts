import { sql } from "drizzle-orm";
import { bigint, boolean, index, integer, jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { count, createdAt, instant, microUsd, updatedAt } from "./columns.js";

/** Builds: concrete servable artefacts. */
export const modelRegistry = pgTable("model_registry", {
  id: text("id").primaryKey(),
  displayName: text("display_name").notNull(),
  family: text("family").notNull(),
  architecture: text("architecture").notNull(),
  quantization: text("quantization").notNull(),
  description: text("description").notNull(),
  license: text("license").notNull(),
  contextLength_tokens: count("max_context_length").notNull(),
  maxOutput_tokens: count("max_output_length").notNull(),
  capabilities: text("capabilities").array().notNull(),
  kvBytesPerToken: count("kv_bytes_per_token").notNull(),
  /** Recommended sampling settings, `{ temperature?, topP?, topK?, minP? }`. */
  defaults: jsonb("defaults").notNull(),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
  /** `{ resident_bytes, minRam_gb, minVram_gb, active_bytes? }`; null where that is not known. */
  memory: jsonb("memory"),
  /** What its files say of themselves, `{ parameters, activeParameters?, trainContext_tokens?, chatTemplate_sha256?, projector? }`. */
  fileFacts: jsonb("file_facts"),
  /** `shared` or `dedicated`. */
  isolation: text("isolation").notNull().default("shared"),
  /** `beta`, `active`, `deprecated` or `retired`; only the last takes it out of service. */
  status: text("status").notNull().default("active"),
  /** Day on which it is to be retired, `YYYY-MM-DD`. */
  deprecationDate: text("deprecation_date"),
  /** Since when it is deprecated, or has such a day. */
  deprecatedAt: instant("deprecated_at"),
  /** What goes with requests for the build, e.g. `{ reasoning_parser: "none" }`. */
  runtimeParameters: jsonb("runtime_parameters").notNull().default({}),
  /** What other lists are told of it, e.g. `{ openrouter_slug: "org/oak" }`. */
  metadata: jsonb("metadata").notNull().default({}),
});

/** One immutable set of files of a build. */
export const modelVersions = pgTable(
  "model_versions",
  {
    id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    modelId: text("model_id")
      .notNull()
      .references(() => modelRegistry.id, { onDelete: "cascade" }),
    version: text("version").notNull(),
    prefix: text("storage_prefix").notNull(),
    aggregateSha256: text("aggregate_sha256").notNull(),
    totalSize_bytes: count("total_size_bytes").notNull(),
    fileCount: integer("file_count").notNull(),
    /** The manifest's own text, kept letter for letter because manifests are compared and signed. */
    manifestCreatedAt: text("manifest_created_at").notNull(),
    createdAt: createdAt(),
    /** What describes the build from this version's promotion on: the registry's columns, as JSON. */
    facts: jsonb("facts").notNull(),
    input_microUsd: microUsd("input_price").notNull(),
    output_microUsd: microUsd("output_price").notNull(),
    /** Bases below which the files are. */
    origins: text("origins").array().notNull().default(sql`'{}'`),
    /** Complete addresses of files, by path. */
    fileUrls: jsonb("file_urls").notNull().default({}),
    registeredBy: text("registered_by").notNull().default("coordinator"),
    revokedAt: instant("revoked_at"),
    revokedReason: text("revoked_reason"),
    /** `ready`; while all its files are read, `verifying`; and `failed` when one is not what the manifest says. */
    verification: text("verification", { enum: ["ready", "verifying", "failed"] })
      .notNull()
      .default("ready"),
    verificationProblem: text("verification_problem"),
  },
  (table) => [unique("model_versions_model_version").on(table.modelId, table.version)],
);

export const modelVersionFiles = pgTable(
  "model_version_files",
  {
    versionId: bigint("model_version_id", { mode: "bigint" })
      .notNull()
      .references(() => modelVersions.id, { onDelete: "cascade" }),
    /** Place in the manifest's list. */
    position: integer("position").notNull(),
    path: text("path").notNull(),
    size_bytes: count("size_bytes").notNull(),
    sha256: text("sha256").notNull(),
    role: text("role").notNull(),
    /** Hashes of its parts; null where its manifest has none. */
    parts: jsonb("parts"),
  },
  (table) => [
    primaryKey({ columns: [table.versionId, table.position] }),
    unique("model_version_files_path").on(table.versionId, table.path),
  ],
);

/** Which version of a build is served. */
export const modelActiveVersions = pgTable("model_active_versions", {
  modelId: text("model_id")
    .primaryKey()
    .references(() => modelRegistry.id, { onDelete: "cascade" }),
  versionId: bigint("model_version_id", { mode: "bigint" })
    .notNull()
    .references(() => modelVersions.id),
  activatedAt: instant("activated_at").notNull().defaultNow(),
});

/** Every promotion and return of a version, in order. */
export const modelActivations = pgTable(
  "model_activations",
  {
    id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    modelId: text("model_id")
      .notNull()
      .references(() => modelRegistry.id, { onDelete: "cascade" }),
    versionId: bigint("model_version_id", { mode: "bigint" })
      .notNull()
      .references(() => modelVersions.id, { onDelete: "cascade" }),
    activatedAt: instant("activated_at").notNull(),
    activatedBy: text("activated_by").notNull(),
  },
  (table) => [index("model_activations_model").on(table.modelId, table.id.desc())],
);

export const modelAliases = pgTable(
  "model_aliases",
  {
    id: text("alias_id").primaryKey(),
    displayName: text("display_name").notNull(),
    desiredBuild: text("desired_build")
      .notNull()
      .references(() => modelRegistry.id),
    previousBuild: text("previous_build").references(() => modelRegistry.id),
    active: boolean("active").notNull().default(true),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    /** Builds that the name stood for before, the latest first. */
    retiredBuilds: text("retired_builds").array().notNull().default(sql`'{}'`),
    /** Percentage of requests that prefer the desired build. */
    desiredShare_percent: integer("desired_share").notNull().default(100),
    /** Percentage of machines that are told to fetch the desired build. */
    wave_percent: integer("wave").notNull().default(100),
    minDesiredProviders: integer("min_desired_providers").notNull().default(1),
    /** Whether the name is also that of a build. */
    takeover: boolean("takeover").notNull().default(false),
  },
  (table) => [index("model_aliases_desired").on(table.desiredBuild)],
);

/** Keys that may change the catalogue and nothing else. Revoked ones keep their row, so that the audit can name them. */
export const publishingKeys = pgTable("publishing_api_keys", {
  id: text("id").primaryKey(),
  keyHash: text("key_hash").notNull().unique(),
  label: text("label").notNull(),
  name: text("name").notNull(),
  scopes: text("scopes", { enum: ["register", "promote", "alias", "release"] })
    .array()
    .notNull(),
  createdBy: text("created_by").notNull(),
  createdAt: instant("created_at").notNull(),
  expiresAt: instant("expires_at"),
  lastUsedAt: instant("last_used_at"),
  revokedAt: instant("revoked_at"),
});

/** One row: how often the catalogue has changed. */
export const catalogState = pgTable("catalog_state", {
  isOnly: boolean("is_only").primaryKey().default(true),
  revision: count("revision").notNull(),
});
