import { and, desc, eq, gte, lt, or, type SQL, sql } from "drizzle-orm";
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

const GROUPS: Readonly<Record<UsageGroup, SQL>> = { day: sql`day`, model: sql`public_model`, key: sql`key_id` };

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

  /**
   * Whole days come from what is added up already, and the rest from the requests themselves. A day whose single requests are removed counts
   * whole where the filter has a part of it.
   */
  async sums(tx: Tx, filter: UsageFilter, group: UsageGroup, limit: number): Promise<readonly UsageSum[]> {
    const { accountId, from, to, keyId, model } = filter;
    const at = (date: Date | undefined, otherwise: SQL): SQL => (date === undefined ? otherwise : sql`${date.toISOString()}::timestamptz`);
    const isMeant = sql`account_id = ${accountId} ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
      ${model === undefined ? sql`` : sql`and (public_model = ${model} or model = ${model})`}`;
    const rows = await run(
      tx.execute<{ name: string | null; requests: string; prompt: string; completion: string; cost: string }>(sql`
        with asked as (select ${at(from, sql`'-infinity'::timestamptz`)} as first, ${at(to, sql`'infinity'::timestamptz`)} as last),
          -- A day that the range has a part of counts whole where its single requests are removed.
          days as (select first, last,
              case when first_begun < usage_kept_from() then first_begun else first_whole end as first_day,
              least(case when last_begun < usage_kept_from() then last_ended else last_begun end,
                coalesce((select until from usage_totals), '-infinity')) as end_day
            from asked, lateral (select (first at time zone 'UTC')::date as first_begun,
              (first at time zone 'UTC' + interval '1 day' - interval '1 microsecond')::date as first_whole,
              (last at time zone 'UTC')::date as last_begun,
              (last at time zone 'UTC' + interval '1 day' - interval '1 microsecond')::date as last_ended) bounds),
          used as (
            select to_char(day, 'YYYY-MM-DD') as day, public_model, nullif(key_id, '') as key_id, requests, prompt_tokens, completion_tokens, cost
              from usage_days, days where ${isMeant} and day >= first_day and day < end_day
            union all select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD'), public_model, key_id, 1, prompt_tokens, completion_tokens, cost
              from usage, days where ${isMeant} and created_at >= first and created_at < last
                and not (created_at >= first_day::timestamp at time zone 'UTC' and created_at < end_day::timestamp at time zone 'UTC'))
        select ${GROUPS[group]} as name, sum(requests)::text as requests, sum(prompt_tokens)::text as prompt,
          sum(completion_tokens)::text as completion, sum(cost)::text as cost
        from used group by 1 order by ${group === "day" ? sql`1 desc` : sql`sum(cost) desc, 1`} limit ${limit}`),
    );
    return rows.map(({ name, requests, prompt, completion, cost }) => ({
      ...{ name, requests: Number(requests), prompt_tokens: Number(prompt), completion_tokens: Number(completion) },
      cost_microUsd: BigInt(cost),
    }));
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
