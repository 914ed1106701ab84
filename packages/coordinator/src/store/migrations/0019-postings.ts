/** Postings that say exactly what becomes withdrawable, and what an account is besides its name. */
export const postings = /* sql */ `
-- As ledger_post, but each entry may say by how much it changes what can be withdrawn: null goes by the rule. That is for withdrawals, which
-- take from earnings alone, and for what gives back a debit, which restores what it took.
create function ledger_post_entries(
  p_kind text, p_key text, p_reference text,
  p_accounts text[], p_types text[], p_amounts bigint[], p_withdrawable bigint[], p_now timestamptz
) returns boolean language plpgsql as $$
declare
  v_transaction ledger_transactions;
  v_balance balances;
  v_delta bigint;
begin
  if (select sum(amount) from unnest(p_amounts) amount) is distinct from 0 then
    raise exception 'the entries of % do not sum to zero', p_key using errcode = 'check_violation';
  end if;
  insert into ledger_transactions (kind, idempotency_key, reference, created_at) values (p_kind, p_key, p_reference, p_now)
    on conflict (idempotency_key) do nothing returning * into v_transaction;
  if v_transaction.id is null then
    select * into strict v_transaction from ledger_transactions where idempotency_key = p_key;
    if v_transaction.kind <> p_kind or v_transaction.reference <> p_reference or exists (
      (select account_id, entry_type, amount from ledger_entries where transaction_id = v_transaction.id
        except all select * from unnest(p_accounts, p_types, p_amounts))
      union all
      (select * from unnest(p_accounts, p_types, p_amounts)
        except all select account_id, entry_type, amount from ledger_entries where transaction_id = v_transaction.id)
    ) then
      raise exception 'another transaction has the key %', p_key using errcode = 'UM001';
    end if;
    return false;
  end if;
  perform ledger_lock_balances(p_accounts);
  for i in 1 .. cardinality(p_accounts) loop
    select * into strict v_balance from balances where account_id = p_accounts[i];
    -- Earnings are spent last: a debit takes from them only what the rest of the balance does not cover.
    v_delta := case
      when ledger_is_system(p_accounts[i]) then 0
      when p_withdrawable[i] is not null then p_withdrawable[i]
      when p_amounts[i] > 0 then 0
      else -greatest(0, -p_amounts[i] - (v_balance.balance - v_balance.withdrawable))
    end;
    update balances set balance = balance + p_amounts[i], withdrawable = withdrawable + v_delta, seq = seq + 1, updated_at = p_now
      where account_id = p_accounts[i] returning * into v_balance;
    insert into ledger_entries (account_id, seq, transaction_id, entry_type, amount, withdrawable_delta, balance_after, withdrawable_after, created_at)
      values (p_accounts[i], v_balance.seq, v_transaction.id, p_types[i], p_amounts[i], v_delta, v_balance.balance, v_balance.withdrawable, p_now);
  end loop;
  return true;
end $$;

create or replace function ledger_post(
  p_kind text, p_key text, p_reference text,
  p_accounts text[], p_types text[], p_amounts bigint[], p_withdrawable boolean[], p_now timestamptz
) returns boolean language sql as $$
  select ledger_post_entries(p_kind, p_key, p_reference, p_accounts, p_types, p_amounts,
    array(select case when gain and amount > 0 then amount end from unnest(p_amounts, p_withdrawable) with ordinality entry (amount, gain, place)
      order by place),
    p_now)
$$;

alter table users
  -- In lower case.
  add column email text check (email = lower(email)),
  -- The identity provider has not told it yet.
  add column email_pending boolean not null default false,
  add column role text not null default '' check (role in ('', 'service')),
  -- Why the account may neither ask models nor withdraw; null while it may.
  add column frozen_reason text,
  add column erased_at timestamptz;
create index users_email on users (email);
`;
