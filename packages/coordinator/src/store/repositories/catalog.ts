import { and, asc, eq } from "drizzle-orm";
import { run } from "../run-query.js";
import { modelActiveVersions, modelAliases, modelPrices, modelRegistry, modelVersionFiles, modelVersions } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type BuildRow = typeof modelRegistry.$inferSelect;
export type NewBuildRow = Omit<typeof modelRegistry.$inferInsert, "createdAt" | "updatedAt">;
export type VersionRow = typeof modelVersions.$inferSelect;
export type NewVersionRow = Omit<typeof modelVersions.$inferInsert, "id" | "createdAt">;
export type FileRow = Omit<typeof modelVersionFiles.$inferSelect, "versionId">;
export type AliasRow = typeof modelAliases.$inferSelect;

/** A build with the version it serves and its list price. */
export interface ActiveBuild {
  readonly build: BuildRow;
  readonly version: VersionRow;
  readonly files: readonly FileRow[];
  readonly input_microUsd: bigint;
  readonly output_microUsd: bigint;
}

export const catalogRepository = {
  /** Everything, in one consistent view when `tx` is a transaction of isolation level repeatable read. */
  async read(tx: Tx): Promise<{ readonly builds: readonly ActiveBuild[]; readonly aliases: readonly AliasRow[] }> {
    const rows = await run(
      tx
        .select({ build: modelRegistry, version: modelVersions, price: modelPrices })
        .from(modelRegistry)
        .innerJoin(modelActiveVersions, eq(modelActiveVersions.modelId, modelRegistry.id))
        .innerJoin(modelVersions, eq(modelVersions.id, modelActiveVersions.versionId))
        .innerJoin(modelPrices, eq(modelPrices.model, modelRegistry.id))
        .where(eq(modelPrices.accountId, "platform"))
        .orderBy(asc(modelRegistry.id)),
    );
    const files = await run(
      tx
        .select({ file: modelVersionFiles })
        .from(modelVersionFiles)
        .innerJoin(modelActiveVersions, eq(modelActiveVersions.versionId, modelVersionFiles.versionId))
        .orderBy(asc(modelVersionFiles.versionId), asc(modelVersionFiles.position)),
    );
    const aliases = await run(tx.select().from(modelAliases).where(eq(modelAliases.active, true)).orderBy(asc(modelAliases.id)));
    const builds = rows.map(({ build, version, price }) => ({
      build,
      version,
      files: files.filter(({ file }) => file.versionId === version.id).map(({ file }) => file),
      input_microUsd: price.input_microUsd,
      output_microUsd: price.output_microUsd,
    }));
    return { builds, aliases };
  },

  /** Inserts or replaces; holds the row until the transaction ends, so that registrations of one build take turns. */
  async upsertBuild(tx: Tx, build: NewBuildRow, at: Date): Promise<void> {
    const { id, ...facts } = build;
    await run(
      tx
        .insert(modelRegistry)
        .values({ id, ...facts, createdAt: at, updatedAt: at })
        .onConflictDoUpdate({ target: modelRegistry.id, set: { ...facts, updatedAt: at } }),
    );
  },

  async findVersion(tx: Tx, modelId: string, version: string): Promise<VersionRow | undefined> {
    const [row] = await run(
      tx
        .select()
        .from(modelVersions)
        .where(and(eq(modelVersions.modelId, modelId), eq(modelVersions.version, version))),
    );
    return row;
  },

  async insertVersion(tx: Tx, version: NewVersionRow, files: readonly FileRow[]): Promise<bigint> {
    const [row] = await run(tx.insert(modelVersions).values(version).returning({ id: modelVersions.id }));
    if (!row) throw new Error("the database returned no row for an inserted version");
    await run(tx.insert(modelVersionFiles).values(files.map((file) => ({ ...file, versionId: row.id }))));
    return row.id;
  },

  async activate(tx: Tx, modelId: string, versionId: bigint, at: Date): Promise<void> {
    await run(
      tx
        .insert(modelActiveVersions)
        .values({ modelId, versionId, activatedAt: at })
        .onConflictDoUpdate({ target: modelActiveVersions.modelId, set: { versionId, activatedAt: at } }),
    );
  },

  async upsertAlias(
    tx: Tx,
    alias: { readonly id: string; readonly displayName: string; readonly desiredBuild: string; readonly previousBuild: string | null },
    at: Date,
  ): Promise<void> {
    const { id, ...facts } = alias;
    await run(
      tx
        .insert(modelAliases)
        .values({ id, ...facts, active: true, createdAt: at, updatedAt: at })
        .onConflictDoUpdate({ target: modelAliases.id, set: { ...facts, active: true, updatedAt: at } }),
    );
  },
};
