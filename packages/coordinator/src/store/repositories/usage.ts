import { and, count, desc, eq, gte, lt, or, type SQL, sql, sum } from "drizzle-orm";
import { run } from "../run-query.js";
import { reservations, usage } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type UsageRow = typeof usage.$inferSelect;

export interface UsageFilter {
  readonly accountId: string;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly keyId?: string | undefined;
  /** As the consumer wrote it, or a build. */
  readonly model?: string | undefined;
}

/** Where a list goes on: behind the row of this time and id. */
export interface ListPlace {
  readonly at: Date;
  readonly id: string;
}

export type UsageGroup = "day" | "model" | "key";

export interface UsageSum {
  readonly name: string | null;
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_microUsd: bigint;
}

const GROUPS: Readonly<Record<UsageGroup, SQL<string | null>>> = {
  day: sql`to_char(${usage.createdAt} at time zone 'UTC', 'YYYY-MM-DD')`,
  model: sql`${usage.publicModel}`,
  key: sql`${usage.keyId}`,
};

/** What requests consumed, as their account may read it. */
export const usageRepository = {
  /** Latest first, those behind `after`. */
  async page(tx: Tx, filter: UsageFilter, after: ListPlace | undefined, limit: number): Promise<readonly UsageRow[]> {
    return run(
      tx
        .select()
        .from(usage)
        .where(and(...conditions(filter), after && behind(after)))
        .orderBy(desc(usage.createdAt), desc(usage.requestId))
        .limit(limit),
    );
  },

  async sums(tx: Tx, filter: UsageFilter, group: UsageGroup, limit: number): Promise<readonly UsageSum[]> {
    return run(
      tx
        .select({
          name: GROUPS[group],
          requests: count(),
          prompt_tokens: sum(usage.prompt_tokens).mapWith(Number),
          completion_tokens: sum(usage.completion_tokens).mapWith(Number),
          cost_microUsd: sql<bigint>`sum(${usage.cost_microUsd})::bigint`.mapWith(BigInt),
        })
        .from(usage)
        .where(and(...conditions(filter)))
        .groupBy(sql`1`)
        .orderBy(group === "day" ? sql`1 desc` : sql`5 desc, 1`)
        .limit(limit),
    );
  },

  /** One request of the account, with how its money stands; undefined if there is none. */
  async one(tx: Tx, accountId: string, requestId: string) {
    const [used] = await run(
      tx
        .select()
        .from(usage)
        .where(and(eq(usage.requestId, requestId), eq(usage.accountId, accountId))),
    );
    const { state, finalReason, hold_microUsd, model, publicModel, createdAt, finalizedAt } = reservations;
    const [reserved] = await run(
      tx
        .select({ state, finalReason, hold_microUsd, model, publicModel, createdAt, finalizedAt })
        .from(reservations)
        .where(and(eq(reservations.requestId, requestId), eq(reservations.accountId, accountId))),
    );
    return used === undefined && reserved === undefined ? undefined : { used, reserved };
  },
};

function conditions({ accountId, from, to, keyId, model }: UsageFilter): (SQL | undefined)[] {
  return [
    eq(usage.accountId, accountId),
    from && gte(usage.createdAt, from),
    to && lt(usage.createdAt, to),
    keyId === undefined ? undefined : eq(usage.keyId, keyId),
    model === undefined ? undefined : or(eq(usage.publicModel, model), eq(usage.model, model)),
  ];
}

function behind({ at, id }: ListPlace): SQL {
  return sql`(${usage.createdAt}, ${usage.requestId}) < (${at.toISOString()}::timestamptz, ${id})`;
}
