import { bigint, boolean, index, integer, jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { count, createdAt, instant, updatedAt } from "./columns.js";

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
  /** `shared` or `dedicated`. */
  isolation: text("isolation").notNull().default("shared"),
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
  },
  (table) => [index("model_aliases_desired").on(table.desiredBuild)],
);
