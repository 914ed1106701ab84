import { and, desc, eq, gte, lt, type SQL, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { providerEarnings } from "../schema/index.js";
import type { Tx } from "../tx.js";
import type { ListPlace } from "./usage.js";

export type EarningRow = typeof providerEarnings.$inferSelect;

export interface EarningFilter {
  readonly accountId: string;
  readonly machineId?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

export interface EarningSum {
  readonly amount_microUsd: bigint;
  readonly jobs: number;
}

/** What machines earned, as their owner may read it. */
export const earningsRepository = {
  /** Latest first, those behind `after`. */
  async page(tx: Tx, filter: EarningFilter, after: ListPlace | undefined, limit: number): Promise<readonly EarningRow[]> {
    return run(
      tx
        .select()
        .from(providerEarnings)
        .where(and(...conditions(filter), after && behind(after)))
        .orderBy(desc(providerEarnings.createdAt), desc(providerEarnings.jobId))
        .limit(limit),
    );
  },

  /** Sums since each of these times, and since ever, in one reading. */
  async sums(tx: Tx, filter: EarningFilter, since: readonly Date[]): Promise<readonly EarningSum[]> {
    const times = [...since, new Date(0)];
    const part = (time: Date): SQL => sql`filter (where ${providerEarnings.createdAt} >= ${time.toISOString()}::timestamptz)`;
    const columns = Object.fromEntries(
      times.flatMap((time, index) => [
        [`amount${index}`, sql<string>`coalesce(sum(${providerEarnings.amount_microUsd}) ${part(time)}, 0)::text`],
        [`jobs${index}`, sql<string>`(count(*) ${part(time)})::text`],
      ]),
    );
    const [row] = await run(
      tx
        .select(columns)
        .from(providerEarnings)
        .where(and(...conditions(filter))),
    );
    return times.map((_, index) => ({ amount_microUsd: BigInt(row?.[`amount${index}`] ?? 0), jobs: Number(row?.[`jobs${index}`] ?? 0) }));
  },
};

function conditions({ accountId, machineId, from, to }: EarningFilter): (SQL | undefined)[] {
  return [
    eq(providerEarnings.accountId, accountId),
    machineId === undefined ? undefined : eq(providerEarnings.machineId, machineId),
    from && gte(providerEarnings.createdAt, from),
    to && lt(providerEarnings.createdAt, to),
  ];
}

function behind({ at, id }: ListPlace): SQL {
  return sql`(${providerEarnings.createdAt}, ${providerEarnings.jobId}) < (${at.toISOString()}::timestamptz, ${id})`;
}
