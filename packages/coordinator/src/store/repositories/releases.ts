import { and, desc, eq } from "drizzle-orm";
import { run } from "../run-query.js";
import { providerVersionFloor, releases } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type ReleaseRow = typeof releases.$inferSelect;

export type VersionFloorRow = Omit<typeof providerVersionFloor.$inferSelect, "isOnly">;

export const releaseRepository = {
  /** Latest first. */
  async all(tx: Tx): Promise<readonly ReleaseRow[]> {
    return run(tx.select().from(releases).orderBy(desc(releases.createdAt), desc(releases.version)));
  },

  async offered(tx: Tx, platform: string): Promise<readonly ReleaseRow[]> {
    return run(
      tx
        .select()
        .from(releases)
        .where(and(eq(releases.platform, platform), eq(releases.active, true))),
    );
  },

  async find(tx: Tx, version: string, platform: string): Promise<ReleaseRow | undefined> {
    const [row] = await run(
      tx
        .select()
        .from(releases)
        .where(and(eq(releases.version, version), eq(releases.platform, platform))),
    );
    return row;
  },

  async upsert(tx: Tx, row: ReleaseRow): Promise<void> {
    await run(
      tx
        .insert(releases)
        .values(row)
        .onConflictDoUpdate({ target: [releases.version, releases.platform], set: row }),
    );
  },

  /** Undefined where it was never set. */
  async versionFloor(tx: Tx): Promise<VersionFloorRow | undefined> {
    const [row] = await run(tx.select().from(providerVersionFloor));
    return row;
  },

  async setVersionFloor(tx: Tx, row: VersionFloorRow | undefined): Promise<void> {
    await run(tx.delete(providerVersionFloor));
    if (row !== undefined) await run(tx.insert(providerVersionFloor).values(row));
  },
};
