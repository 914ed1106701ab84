import type { Store } from "../../store/index.js";

/** What is wrong in the books of these accounts; empty when the properties P1 to P5, P8 and P10 of money.md §19 hold and none was put aside. */
export async function audit(store: Store, accounts: readonly string[], keys: readonly string[]): Promise<readonly string[]> {
  const rows = await store.client<{ violation: string }[]>`
    with own (account_id) as (select jsonb_array_elements_text(${JSON.stringify(accounts)}::text::jsonb)),
      own_keys (key_id) as (select jsonb_array_elements_text(${JSON.stringify(keys)}::text::jsonb)),
      b as (select * from balances join own using (account_id)),
      e as (select e.* from ledger_entries e join own using (account_id)),
      r as (select r.* from reservations r join own using (account_id)),
      touched as (select distinct transaction_id from e)
    select 'P1 transaction ' || transaction_id || ' sums to ' || sum(amount) as violation
      from ledger_entries join touched using (transaction_id) group by transaction_id having sum(amount) <> 0
    union all select 'P1 all balances sum to ' || sum(balance) from balances having sum(balance) <> 0
    union all select 'P2 balance of ' || b.account_id || ' is not its journal'
      from b left join e using (account_id) group by b.account_id, b.balance, b.withdrawable, b.seq
      having b.balance <> coalesce(sum(e.amount), 0) or b.withdrawable <> coalesce(sum(e.withdrawable_delta), 0)
        or b.seq <> count(e.seq) or b.seq <> coalesce(max(e.seq), 0)
    union all select 'P2 chain of ' || account_id || ' breaks at ' || seq
      from (select account_id, seq, balance_after, withdrawable_after, sum(amount) over w as amounts, sum(withdrawable_delta) over w as deltas
        from e window w as (partition by account_id order by seq)) chain
      where balance_after <> amounts or withdrawable_after <> deltas
    union all select 'P3 bounds of ' || account_id from b where not (withdrawable between 0 and balance and held between 0 and balance)
    union all select 'P4 held of ' || b.account_id || ' is ' || b.held
      from b left join r on r.account_id = b.account_id and r.state in ('held', 'parked') group by b.account_id, b.held
      having b.held <> coalesce(sum(r.hold), 0)
    union all select 'P4 spend of ' || s.key_id
      from api_key_spend s join own_keys using (key_id) left join r on r.key_id = s.key_id and r.window_start = s.window_start
      group by s.key_id, s.window_start, s.held, s.spent
      having s.held <> coalesce(sum(r.hold) filter (where r.state in ('held', 'parked')), 0) or s.spent <> coalesce(sum(r.cost), 0)
    union all select 'P5 ' || r.request_id || ' is ' || r.state || ' with ' || count(t.id) || ' transactions'
      from r left join ledger_transactions t on t.idempotency_key = 'settle:' || r.request_id group by r.request_id, r.state, r.cost
      having count(t.id) <> case when r.state = 'settled' and r.cost > 0 then 1 else 0 end
    union all select 'P5 usage of ' || r.request_id
      from r left join usage u using (request_id) where (r.state = 'settled') <> (u.request_id is not null) or u.cost <> r.cost
    union all select 'P8 ' || r.request_id || ' paid otherwise than charged'
      from r join ledger_transactions t on t.idempotency_key = 'settle:' || r.request_id join ledger_entries e on e.transaction_id = t.id
      group by r.request_id, r.cost having sum(-e.amount) filter (where e.entry_type = 'charge') <> r.cost
        or sum(e.amount) filter (where e.entry_type <> 'charge') <> r.cost
    union all select 'P8 earning of ' || r.request_id
      from r join ledger_transactions t on t.idempotency_key = 'settle:' || r.request_id
        join ledger_entries e on e.transaction_id = t.id and e.entry_type = 'payout' left join provider_earnings p on p.job_id = r.request_id
      where p.amount is distinct from e.amount
    union all select 'P7 cost of ' || u.request_id || ' is ' || u.cost
      from r join usage u using (request_id)
      where u.cost > r.hold or u.prompt_tokens > r.prompt_bound or u.completion_tokens > r.output_bound
        or u.cost > 0 and u.input_price is null
        or u.input_price is not null and u.cost <> case when u.prompt_tokens + u.completion_tokens = 0 then 0
          else greatest(u.prompt_tokens * u.input_price / 1000000 + u.completion_tokens * u.output_price / 1000000,
            case when r.is_service then 1 else 100 end) end
    union all select 'P4 hold of ' || r.request_id || ' is ' || r.hold || ' and not what its attempts need'
      from r left join reservation_attempts a on a.request_id = r.request_id and a.state = 'live'
      where r.state in ('held', 'parked') group by r.request_id, r.hold, r.base_hold having r.hold <> greatest(r.base_hold, max(a.required))
    union all select 'settlement of ' || r.request_id || ' was refused: ' || d.error from r join settlement_dead_letter d using (request_id)
    union all select 'P10 cap of ' || k.id
      from api_keys k join own_keys on own_keys.key_id = k.id join api_key_spend s on s.key_id = k.id where s.spent + s.held > k.limit_micro_usd`;
  return rows.map((row) => row.violation);
}

/** Everything of these accounts, to see whether it changed. */
export async function photograph(store: Store, accounts: readonly string[]): Promise<unknown> {
  const list = JSON.stringify(accounts);
  const own = store.client`(select jsonb_array_elements_text(${list}::text::jsonb))`;
  return [
    await store.client`select account_id, balance, withdrawable, held, seq from balances where account_id in ${own} order by account_id`,
    await store.client`select * from reservations where account_id in ${own} order by request_id`,
    await store.client`select * from usage where account_id in ${own} order by request_id`,
    await store.client`select * from ledger_entries where account_id in ${own} order by account_id, seq`,
    await store.client`select * from api_key_spend where key_id in (select id from api_keys where owner_account_id in ${own}) order by key_id`,
  ];
}

export async function openReservations(store: Store, accounts: readonly string[]): Promise<number> {
  const [row] = await store.client<{ open: bigint }[]>`select count(*) as open from reservations
    where state in ('held', 'parked') and account_id in (select jsonb_array_elements_text(${JSON.stringify(accounts)}::text::jsonb))`;
  return Number(row?.open);
}
