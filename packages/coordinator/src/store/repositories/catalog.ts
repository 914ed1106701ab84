import { and, asc, countDistinct, desc, eq, gt, inArray, isNotNull, isNull, ne, or } from "drizzle-orm";
import { run } from "../run-query.js";
import {
  catalogState,
  modelActivations,
  modelActiveVersions,
  modelAliases,
  modelPrices,
  modelRegistry,
  modelVersionFiles,
  modelVersions,
} from "../schema/index.js";
import type { Tx } from "../tx.js";

export type BuildRow = typeof modelRegistry.$inferSelect;
type NewBuildRow = Omit<typeof modelRegistry.$inferInsert, "createdAt" | "updatedAt">;
export type VersionRow = typeof modelVersions.$inferSelect;
type NewVersionRow = Omit<typeof modelVersions.$inferInsert, "id">;
type FileRow = Omit<typeof modelVersionFiles.$inferSelect, "versionId">;
export type AliasRow = typeof modelAliases.$inferSelect;
type NewAliasRow = Omit<typeof modelAliases.$inferInsert, "createdAt" | "updatedAt">;
type ActivationRow = typeof modelActivations.$inferSelect;

/** A build with the version it serves and its list price. */
export interface ActiveBuild {
  readonly build: BuildRow;
  readonly version: VersionRow;
  readonly files: readonly FileRow[];
  readonly input_microUsd: bigint;
  readonly output_microUsd: bigint;
}

/** A promotion or return of a version, with the version. */
export interface ActivatedVersion {
  readonly modelId: string;
  readonly version: VersionRow;
  readonly activatedAt: Date;
}

/** What is in service, and what is not any more. */
export interface CatalogRows {
  readonly revision: number;
  /** Of builds that have another version in service than before, the latest first. */
  readonly activations: readonly ActivatedVersion[];
  readonly builds: readonly ActiveBuild[];
  readonly aliases: readonly AliasRow[];
  /** Versions that were revoked, and those of retired builds. */
  readonly withdrawn: readonly { readonly version: VersionRow; readonly retiredAt: Date | null }[];
}

export const catalogRepository = {
  /** Everything, in one consistent view when `tx` is a transaction of isolation level repeatable read. */
  async read(tx: Tx): Promise<CatalogRows> {
    const [state] = await run(tx.select().from(catalogState));
    const rows = await run(
      tx
        .select({ build: modelRegistry, version: modelVersions, price: modelPrices })
        .from(modelRegistry)
        .innerJoin(modelActiveVersions, eq(modelActiveVersions.modelId, modelRegistry.id))
        .innerJoin(modelVersions, eq(modelVersions.id, modelActiveVersions.versionId))
        .innerJoin(modelPrices, eq(modelPrices.model, modelRegistry.id))
        .where(and(eq(modelPrices.accountId, "platform"), ne(modelRegistry.status, "retired"), isNull(modelVersions.revokedAt)))
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
    const withdrawn = await run(
      tx
        .select({ version: modelVersions, build: modelRegistry })
        .from(modelVersions)
        .innerJoin(modelRegistry, eq(modelRegistry.id, modelVersions.modelId))
        .where(or(isNotNull(modelVersions.revokedAt), eq(modelRegistry.status, "retired")))
        .orderBy(desc(modelVersions.id)),
    );
    const replaced = tx
      .select({ id: modelActivations.modelId })
      .from(modelActivations)
      .groupBy(modelActivations.modelId)
      .having(gt(countDistinct(modelActivations.versionId), 1));
    const activations = await run(
      tx
        .select({ modelId: modelActivations.modelId, version: modelVersions, activatedAt: modelActivations.activatedAt })
        .from(modelActivations)
        .innerJoin(modelVersions, eq(modelVersions.id, modelActivations.versionId))
        .where(inArray(modelActivations.modelId, replaced))
        .orderBy(desc(modelActivations.id)),
    );
    const filesOf = new Map<bigint, FileRow[]>();
    for (const { file } of files) {
      const known = filesOf.get(file.versionId);
      if (known === undefined) filesOf.set(file.versionId, [file]);
      else known.push(file);
    }
    const builds = rows.map(({ build, version, price }) => ({
      build,
      version,
      files: filesOf.get(version.id) ?? [],
      input_microUsd: price.input_microUsd,
      output_microUsd: price.output_microUsd,
    }));
    return {
      revision: state?.revision ?? 0,
      builds,
      aliases,
      activations,
      withdrawn: withdrawn.map(({ version, build }) => ({ version, retiredAt: build.status === "retired" ? build.updatedAt : null })),
    };
  },

  /** Every build, in service or not. */
  async models(tx: Tx): Promise<readonly BuildRow[]> {
    return run(tx.select().from(modelRegistry).orderBy(asc(modelRegistry.id)));
  },

  async model(tx: Tx, id: string): Promise<BuildRow | undefined> {
    const [row] = await run(tx.select().from(modelRegistry).where(eq(modelRegistry.id, id)));
    return row;
  },

  async insertModel(tx: Tx, build: NewBuildRow, at: Date): Promise<void> {
    await run(tx.insert(modelRegistry).values({ ...build, createdAt: at, updatedAt: at }));
  },

  async updateModel(tx: Tx, id: string, change: Partial<NewBuildRow>, at: Date): Promise<void> {
    await run(
      tx
        .update(modelRegistry)
        .set({ ...change, updatedAt: at })
        .where(eq(modelRegistry.id, id)),
    );
  },

  /** Latest first. */
  async versions(tx: Tx, modelId?: string): Promise<readonly VersionRow[]> {
    return run(
      tx
        .select()
        .from(modelVersions)
        .where(modelId === undefined ? undefined : eq(modelVersions.modelId, modelId))
        .orderBy(desc(modelVersions.id)),
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

  /** Of a version, in the order of its manifest. */
  async files(tx: Tx, versionId: bigint): Promise<readonly FileRow[]> {
    return run(
      tx.select().from(modelVersionFiles).where(eq(modelVersionFiles.versionId, versionId)).orderBy(asc(modelVersionFiles.position)),
    );
  },

  /** Versions whose files are still to be read, with their files. */
  async unverified(tx: Tx): Promise<readonly Pick<ActiveBuild, "version" | "files">[]> {
    const versions = await run(
      tx
        .select()
        .from(modelVersions)
        .where(and(eq(modelVersions.verification, "verifying"), isNull(modelVersions.revokedAt)))
        .orderBy(asc(modelVersions.id)),
    );
    const found: Pick<ActiveBuild, "version" | "files">[] = [];
    for (const version of versions) found.push({ version, files: await catalogRepository.files(tx, version.id) });
    return found;
  },

  /** Versions with these very files, of whatever build. */
  async twins(tx: Tx, aggregateSha256: string): Promise<readonly VersionRow[]> {
    return run(tx.select().from(modelVersions).where(eq(modelVersions.aggregateSha256, aggregateSha256)).orderBy(asc(modelVersions.id)));
  },

  async insertVersion(tx: Tx, version: NewVersionRow, files: readonly FileRow[]): Promise<VersionRow> {
    const [row] = await run(tx.insert(modelVersions).values(version).returning());
    if (!row) throw new Error("the database returned no row for an inserted version");
    await run(tx.insert(modelVersionFiles).values(files.map((file) => ({ ...file, versionId: row.id }))));
    return row;
  },

  async updateVersion(tx: Tx, id: bigint, change: Partial<NewVersionRow>): Promise<void> {
    await run(tx.update(modelVersions).set(change).where(eq(modelVersions.id, id)));
  },

  async removeVersion(tx: Tx, id: bigint): Promise<void> {
    await run(tx.delete(modelVersions).where(eq(modelVersions.id, id)));
  },

  /** Which version each build serves. */
  async active(tx: Tx): Promise<ReadonlyMap<string, bigint>> {
    const rows = await run(tx.select().from(modelActiveVersions));
    return new Map(rows.map(({ modelId, versionId }) => [modelId, versionId]));
  },

  async activate(tx: Tx, modelId: string, versionId: bigint, by: { readonly actor: string; readonly at: Date }): Promise<void> {
    const activatedAt = by.at;
    await run(
      tx
        .insert(modelActiveVersions)
        .values({ modelId, versionId, activatedAt })
        .onConflictDoUpdate({ target: modelActiveVersions.modelId, set: { versionId, activatedAt } }),
    );
    await run(tx.insert(modelActivations).values({ modelId, versionId, activatedAt, activatedBy: by.actor }));
  },

  /** Latest first. */
  async activations(tx: Tx, modelId?: string): Promise<readonly ActivationRow[]> {
    return run(
      tx
        .select()
        .from(modelActivations)
        .where(modelId === undefined ? undefined : eq(modelActivations.modelId, modelId))
        .orderBy(desc(modelActivations.id)),
    );
  },

  /** Every name, in service or not. */
  async aliases(tx: Tx): Promise<readonly AliasRow[]> {
    return run(tx.select().from(modelAliases).orderBy(asc(modelAliases.id)));
  },

  async alias(tx: Tx, id: string): Promise<AliasRow | undefined> {
    const [row] = await run(tx.select().from(modelAliases).where(eq(modelAliases.id, id)));
    return row;
  },

  async upsertAlias(tx: Tx, alias: NewAliasRow, at: Date): Promise<void> {
    const { id, ...facts } = alias;
    await run(
      tx
        .insert(modelAliases)
        .values({ id, ...facts, createdAt: at, updatedAt: at })
        .onConflictDoUpdate({ target: modelAliases.id, set: { ...facts, updatedAt: at } }),
    );
  },
};
