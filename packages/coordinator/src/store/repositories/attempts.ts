import { inArray, lt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { attemptBuckets } from "../schema/index.js";
import type { Tx } from "../tx.js";

export interface AttemptBucket {
  /** A digest of what is limited, and for whom. */
  readonly bucket: string;
  readonly perSecond: number;
  readonly burst: number;
}

export const attemptRepository = {
  /** Takes one of each, or of none. @returns the seconds to wait, if one is empty */
  async take(tx: Tx, buckets: readonly AttemptBucket[], at: Date): Promise<number | undefined> {
    const wanted = JSON.stringify(buckets.map(({ bucket, perSecond, burst }) => ({ bucket, per_second: perSecond, burst })));
    const [row] = await run(
      tx.execute<{ wait_s: number | null }>(sql`select attempts_take(${wanted}::text::jsonb, ${at.toISOString()}::timestamptz) as wait_s`),
    );
    return row?.wait_s ?? undefined;
  },

  async giveBack(tx: Tx, buckets: readonly string[]): Promise<void> {
    const more = sql`least(${attemptBuckets.burst}, ${attemptBuckets.tokens} + 1)`;
    await run(
      tx
        .update(attemptBuckets)
        .set({ tokens: more })
        .where(inArray(attemptBuckets.bucket, [...buckets])),
    );
  },

  /** Removes those that are full. */
  async sweep(tx: Tx, at: Date): Promise<void> {
    await run(tx.delete(attemptBuckets).where(lt(attemptBuckets.fullAt, at)));
  },
};
