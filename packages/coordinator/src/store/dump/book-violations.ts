import type { Session } from "./tables.js";

/** What is wrong in the books as a whole: properties P1 to P5 of money.md §19. Empty when they balance. */
export async function bookViolations(sql: Session): Promise<readonly string[]> {
  const rows = await sql<{ violation: string }[]>`
    select 'P1 transaction ' || transaction_id || ' sums to ' || sum(amount) as violation
      from ledger_entries group by transaction_id having sum(amount) <> 0
    union all select 'P1 all balances sum to ' || sum(balance) from balances having sum(balance) <> 0
    union all select 'P2 balance of ' || b.account_id || ' is not its journal'
      from balances b left join ledger_entries e using (account_id) group by b.account_id, b.balance, b.withdrawable, b.seq
      having b.balance <> coalesce(sum(e.amount), 0) or b.withdrawable <> coalesce(sum(e.withdrawable_delta), 0)
        or b.seq <> count(e.seq) or b.seq <> coalesce(max(e.seq), 0)
    union all select 'P3 bounds of ' || account_id from balances
      where not ledger_is_system(account_id) and not (withdrawable between 0 and balance and held between 0 and balance)
    union all select 'P4 held of ' || b.account_id || ' is ' || b.held
      from balances b left join reservations r on r.account_id = b.account_id and r.state in ('held', 'parked')
      group by b.account_id, b.held having b.held <> coalesce(sum(r.hold), 0)
    union all select 'P5 ' || r.request_id || ' is ' || r.state || ' with ' || count(t.id) || ' settlements'
      from reservations r left join ledger_transactions t on t.idempotency_key = 'settle:' || r.request_id
      group by r.request_id, r.state, r.cost having count(t.id) <> case when r.state = 'settled' and r.cost > 0 then 1 else 0 end
    limit 100`;
  return rows.map(({ violation }) => violation);
}
