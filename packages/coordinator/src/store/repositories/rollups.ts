import { sql } from "drizzle-orm";
import { run } from "../run-query.js";
import type { Tx } from "../tx.js";

/** What was used, added up by the day. */
export const rollupRepository = {
  /**
   * Adds up the first day that is not added up yet, as part of `tx`.
   *
   * @param before no day that is not over then
   * @returns false when there is no such day
   */
  async addDay(tx: Tx, before: Date): Promise<boolean> {
    await run(
      tx.execute(sql`insert into usage_totals (id, until, requests, prompt_tokens, completion_tokens)
        select 1, (min(created_at) at time zone 'UTC')::date, 0, 0, 0 from usage having min(created_at) is not null on conflict do nothing`),
    );
    const rows = await run(
      tx.execute<{ day: string }>(sql`select until::text as day from usage_totals
        where until < (${before.toISOString()}::timestamptz at time zone 'UTC')::date for update`),
    );
    const day = rows[0]?.day;
    if (day === undefined) return false;
    const within = sql`created_at >= ${day}::date::timestamp at time zone 'UTC' and created_at < (${day}::date + 1)::timestamp at time zone 'UTC'`;
    await run(
      tx.execute(sql`insert into usage_days
        select ${day}::date, account_id, coalesce(key_id, ''), model, public_model, is_public,
          count(*), sum(prompt_tokens), sum(completion_tokens), sum(cost), count(*) filter (where cost > 0)
        from usage where ${within} group by 2, 3, 4, 5, 6`),
    );
    await run(
      tx.execute(sql`update usage_totals set until = until + 1, requests = usage_totals.requests + d.requests, prompt_tokens = usage_totals.prompt_tokens + d.prompt,
          completion_tokens = usage_totals.completion_tokens + d.completion
        from (select coalesce(sum(requests), 0) as requests, coalesce(sum(prompt_tokens), 0) as prompt, coalesce(sum(completion_tokens), 0) as completion
          from usage_days where day = ${day}::date and is_public) d`),
    );
    return true;
  },

  /**
   * Adds up the next minutes that are not added up yet, a day of them at most, as part of `tx`; forgets those that are old, once they are in the days.
   *
   * @param before no minute that is not over then
   * @param keptFrom those before it are old
   * @returns false when there is none
   */
  async addMinutes(tx: Tx, before: Date, keptFrom: Date): Promise<boolean> {
    await run(
      tx.execute(sql`delete from usage_minutes
        where minute < (select least(until::timestamp at time zone 'UTC', ${keptFrom.toISOString()}::timestamptz) from usage_totals)`),
    );
    const rows = await run(
      tx.execute<{ from: string; to: string }>(sql`
        with place as (
          select greatest(minutes_until, (until - 1)::timestamp at time zone 'UTC') as at from usage_totals for update)
        select at::text as from, least(at + interval '1 day', date_trunc('minute', ${before.toISOString()}::timestamptz))::text as to from place
          where at < date_trunc('minute', ${before.toISOString()}::timestamptz)`),
    );
    const [next] = rows;
    if (next === undefined) return false;
    await run(
      tx.execute(sql`insert into usage_minutes
        select date_trunc('minute', created_at), count(*), sum(prompt_tokens), sum(completion_tokens) from usage
          where is_public and created_at >= ${next.from}::timestamptz and created_at < ${next.to}::timestamptz group by 1`),
    );
    await run(tx.execute(sql`update usage_totals set minutes_until = ${next.to}::timestamptz`));
    return true;
  },
};
