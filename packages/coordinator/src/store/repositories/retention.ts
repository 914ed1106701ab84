import { sql } from "drizzle-orm";
import { run } from "../run-query.js";
import type { Tx } from "../tx.js";

/** Rows that are removed when they are old. What the journal, earnings and days say is never touched. */
export const retentionRepository = {
  /** Requests whose money had ended before. @returns how many were removed, at most `limit` */
  async removeReservations(tx: Tx, before: Date, limit: number): Promise<number> {
    const rows = await run(
      tx.execute(sql`delete from reservations where request_id in (
          select request_id from reservations where finalized_at < ${before.toISOString()}::timestamptz limit ${limit}) returning 1`),
    );
    return rows.length;
  },

  /** From now on only whole days count of what was used before; as far as days are added up. @returns the time from which on requests are kept */
  async keepUsageFrom(tx: Tx, at: Date): Promise<Date | undefined> {
    const rows = await run(
      tx.execute<{ from_ms: string }>(sql`
        update usage_totals set kept_from = greatest(kept_from, least(until, (${at.toISOString()}::timestamptz at time zone 'UTC')::date))
          returning (extract(epoch from kept_from::timestamp at time zone 'UTC') * 1000)::bigint::text as from_ms`),
    );
    const from_ms = rows[0]?.from_ms;
    return from_ms === undefined ? undefined : new Date(Number(from_ms));
  },

  /** Single requests of those days. @returns how many were removed, at most `limit` */
  async removeUsage(tx: Tx, before: Date, limit: number): Promise<number> {
    const rows = await run(
      tx.execute(sql`delete from usage where request_id in (
          select request_id from usage where created_at < ${before.toISOString()}::timestamptz order by created_at limit ${limit}) returning 1`),
    );
    return rows.length;
  },

  /** Windows of keys that began before and in which nothing is held; the one without a beginning stays. */
  async removeKeySpend(tx: Tx, before: Date, limit: number): Promise<number> {
    const rows = await run(
      tx.execute(sql`delete from api_key_spend where (key_id, window_start) in (
          select key_id, window_start from api_key_spend
            where window_start > to_timestamp(0) and window_start < ${before.toISOString()}::timestamptz and held = 0 limit ${limit}) returning 1`),
    );
    return rows.length;
  },
};
