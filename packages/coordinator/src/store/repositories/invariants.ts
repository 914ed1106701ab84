import { sql } from "drizzle-orm";
import { run } from "../run-query.js";
import type { Tx } from "../tx.js";

/** Rows of one reading at most: whoever has more to look at has enough. */
const VIOLATIONS_MAX = 100;
/** The whole journal is read; money statements are long done in a tenth of it. */
const TIMEOUT_MS = 60_000;

export interface ViolationRow {
  readonly property: string;
  /** The transaction, account, key or request. */
  readonly subject: string;
  /** What is there, and what should be, with numbers. */
  readonly difference: string;
}

export interface FailingRow {
  /** Kind of the work; `event` for what the world outside has told. */
  readonly name: string;
  readonly count: number;
  /** When the oldest of it was first due. */
  readonly since: Date;
  /** What the latest attempt said. */
  readonly error: string;
}

export interface DepthRow {
  readonly name: string;
  readonly count: number;
  readonly oldest: Date | null;
}

/** What is wrong in the books, one row a violation: properties P1 to P5 of money.md §19. */
export const VIOLATIONS = `
        select 'P1' as property, 'transaction ' || transaction_id as subject, 'entries sum to ' || sum(amount) as difference
          from ledger_entries group by transaction_id having sum(amount) <> 0
        union all select 'P1', 'all accounts', 'balances sum to ' || sum(balance) from balances having sum(balance) <> 0
        union all select 'P2', 'account ' || b.account_id,
            'balance ' || b.balance || ', entries ' || coalesce(sum(e.amount), 0) || '; withdrawable ' || b.withdrawable || ', entries '
            || coalesce(sum(e.withdrawable_delta), 0) || '; number ' || b.seq || ', entries ' || count(e.seq)
          from balances b left join ledger_entries e using (account_id) group by b.account_id, b.balance, b.withdrawable, b.seq
          having b.balance <> coalesce(sum(e.amount), 0) or b.withdrawable <> coalesce(sum(e.withdrawable_delta), 0)
            or b.seq <> count(e.seq) or b.seq <> coalesce(max(e.seq), 0)
        union all select 'P2', 'entry ' || account_id || '/' || seq,
            'balance after it ' || balance_after || ', sum ' || amounts || '; withdrawable ' || withdrawable_after || ', sum ' || deltas
          from (select account_id, seq, balance_after, withdrawable_after, sum(amount) over w as amounts, sum(withdrawable_delta) over w as deltas
            from ledger_entries window w as (partition by account_id order by seq)) chain
          where balance_after <> amounts or withdrawable_after <> deltas
        union all select 'P3', 'account ' || account_id, 'balance ' || balance || ', withdrawable ' || withdrawable || ', held ' || held
          from balances where not ledger_is_system(account_id) and not (withdrawable between 0 and balance and held between 0 and balance)
        union all select 'P4', 'account ' || b.account_id, 'held ' || b.held || ', open requests ' || coalesce(sum(r.hold), 0)
          from balances b left join reservations r on r.account_id = b.account_id and r.state in ('held', 'parked')
          group by b.account_id, b.held having b.held <> coalesce(sum(r.hold), 0)
        union all select 'P4', 'key ' || s.key_id,
            'held ' || s.held || ', open requests ' || coalesce(sum(r.hold) filter (where r.state in ('held', 'parked')), 0)
            || '; spent ' || s.spent || ', requests ' || coalesce(sum(r.cost), 0)
          from api_key_spend s left join reservations r on r.key_id = s.key_id and r.window_start = s.window_start
          group by s.key_id, s.window_start, s.held, s.spent
          -- A window that was opened under another rule begins with what had been spent in it before.
          having s.held <> coalesce(sum(r.hold) filter (where r.state in ('held', 'parked')), 0) or s.spent < coalesce(sum(r.cost), 0)
        union all select 'P5', 'request ' || r.request_id, r.state || ', cost ' || coalesce(r.cost, 0) || ', settlements ' || count(t.id)
          from reservations r left join ledger_transactions t on t.idempotency_key = 'settle:' || r.request_id
          group by r.request_id, r.state, r.cost
          having count(t.id) <> case when r.state = 'settled' and r.cost > 0 then 1 else 0 end
        union all select 'P5', 'request ' || r.request_id, r.state || ', cost ' || coalesce(r.cost, 0) || ', usage ' || coalesce(u.cost::text, 'none')
          from reservations r left join usage u using (request_id)
          where (r.state = 'settled') <> (u.request_id is not null) or u.cost <> r.cost
        limit ${VIOLATIONS_MAX}`;

/** What must hold of the books at any time (money.md §19), read on one snapshot and never repaired. */
export const invariantRepository = {
  /** To be called first in a transaction: one snapshot, nothing is written, and time enough. */
  async begin(tx: Tx): Promise<void> {
    await run(tx.execute(sql.raw("set transaction isolation level repeatable read, read only")));
    await run(tx.execute(sql.raw(`set local statement_timeout = ${TIMEOUT_MS}`)));
  },

  async violations(tx: Tx): Promise<readonly ViolationRow[]> {
    return run(tx.execute<{ property: string; subject: string; difference: string }>(sql.raw(VIOLATIONS)));
  },

  /** What is open, waiting or put aside, by how old the oldest is. */
  async depths(tx: Tx): Promise<readonly DepthRow[]> {
    const rows = await run(
      tx.execute<{ name: string; count: string; oldest_ms: string | null }>(sql`
        select name, count(*)::text as count, (extract(epoch from min(at)) * 1000)::bigint::text as oldest_ms from (
          select 'holds' as name, created_at as at from reservations where state in ('held', 'parked')
          union all select 'dead_letters', created_at from settlement_dead_letter where resolved_at is null
          union all select 'outbox ' || state, created_at from outbox where state <> 'done'
          union all select 'inbox', received_at from stripe_events where processed_at is null
        ) waiting group by name order by name`),
    );
    return rows.map(({ name, count, oldest_ms }) => ({
      name,
      count: Number(count),
      oldest: oldest_ms === null ? null : new Date(Number(oldest_ms)),
    }));
  },

  /** Work with the world outside whose last attempt has failed, and that is tried again. */
  async failing(tx: Tx): Promise<readonly FailingRow[]> {
    const rows = await run(
      tx.execute<{ name: string; count: string; since_ms: string; error: string }>(sql`
        select name, count(*)::text as count, (extract(epoch from min(at)) * 1000)::bigint::text as since_ms,
          (array_agg(error order by next_at desc))[1] as error from (
          select kind as name, created_at as at, next_at, last_error as error from outbox where state in ('queued', 'running') and last_error <> ''
          union all select 'event', received_at, next_at, last_error from stripe_events where processed_at is null and last_error <> ''
        ) failing group by name order by name`),
    );
    return rows.map(({ name, count, since_ms, error }) => ({ name, count: Number(count), since: new Date(Number(since_ms)), error }));
  },

  /** Open holds of these ages: up to each limit, and beyond the last. */
  async holdsByAge(tx: Tx, limits_s: readonly number[], now: Date): Promise<readonly number[]> {
    const list = sql.join(
      limits_s.map((limit) => sql`${limit}`),
      sql`, `,
    );
    const rows = await run(
      tx.execute<{ bucket: number; count: string }>(sql`
        select width_bucket(greatest(extract(epoch from ${now.toISOString()}::timestamptz - created_at), 0), array[${list}]::numeric[]) as bucket,
          count(*)::text as count
        from reservations where state in ('held', 'parked') group by 1`),
    );
    return [...limits_s, Number.POSITIVE_INFINITY].map((_, index) => Number(rows.find(({ bucket }) => bucket === index)?.count ?? 0));
  },

  /** Accounts of the house. */
  async houseBalances(tx: Tx): Promise<readonly { readonly account: string; readonly balance_microUsd: bigint }[]> {
    const rows = await run(
      tx.execute<{ account: string; balance: string }>(sql`
        select account_id as account, balance::text as balance from balances where ledger_is_system(account_id) order by account_id`),
    );
    return rows.map(({ account, balance }) => ({ account, balance_microUsd: BigInt(balance) }));
  },
};
