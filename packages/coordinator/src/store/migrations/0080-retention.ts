/** What is removed when it is old, by one coordinator at a time, and what still says the sums then. Source: money.md §20. */
export const retention = /* sql */ `
-- Who does a job that only one coordinator is to do, and until when nobody else begins it.
create table job_leases (
  name text primary key,
  owner text not null,
  until timestamptz not null
);

create index reservations_final on reservations (finalized_at) where finalized_at is not null;

-- No single request has been removed yet, so that the days are added up again, now with how many requests cost something.
delete from usage_days;
delete from usage_totals;
alter table usage_days add column paid_requests bigint not null check (paid_requests between 0 and requests);
-- Of the days before it, single requests are removed or about to be: only usage_days counts.
alter table usage_totals add column kept_from date not null default '-infinity', add check (kept_from <= until);

create function usage_kept_from() returns date language sql stable as $$ select coalesce((select kept_from from usage_totals), '-infinity') $$;

-- What a key has spent since a window began, by whatever rule. Only that without a beginning reaches back to days whose requests are removed.
create function ledger_spent_since(p_key text, p_since timestamptz) returns bigint language sql stable as $$
  select (
    coalesce((select sum(d.cost) from usage_days d
      where d.account_id = (select k.owner_account_id from api_keys k where k.id = p_key) and d.key_id = p_key
        and d.day >= (p_since at time zone 'UTC')::date and d.day < usage_kept_from()), 0)
    + coalesce((select sum(u.cost) from usage u
      where u.key_id = p_key and u.admitted_at >= p_since and u.created_at >= usage_kept_from()::timestamp at time zone 'UTC'), 0)
  )::bigint
$$;

-- Brings a window up to what was spent in it so far, also where it had been open before and another rule was in force meanwhile.
create function ledger_open_window(p_key text, p_window timestamptz) returns void language plpgsql as $$
begin
  insert into api_key_spend (key_id, window_start) values (p_key, p_window) on conflict do nothing;
  perform 1 from api_key_spend where key_id = p_key and window_start = p_window for update;
  update api_key_spend set spent = ledger_spent_since(p_key, p_window) where key_id = p_key and window_start = p_window;
end $$;

create or replace function ledger_hold(
  p_request text, p_account text, p_key text, p_model text, p_public_model text, p_hold bigint, p_prompt_bound bigint, p_output_bound bigint,
  p_price_in bigint, p_price_out bigint, p_price_source text, p_default_fee_percent integer, p_instance text, p_now timestamptz,
  out outcome text, out fee_percent integer, out is_service boolean, out spendable bigint, out key_limit bigint, out key_used bigint,
  out key_window text
) language plpgsql as $$
declare
  v_window timestamptz;
  v_spend api_key_spend;
  v_user users;
begin
  select u.* into v_user from users u where u.account_id = p_account;
  if v_user.frozen_reason is not null or v_user.erased_at is not null then
    outcome := 'frozen';
    return;
  end if;
  if p_key is not null then
    select k.limit_micro_usd, k.limit_reset into strict key_limit, key_window from api_keys k where k.id = p_key;
    v_window := ledger_window_start(key_window, p_now);
    select * into v_spend from api_key_spend s where s.key_id = p_key and s.window_start = v_window for update;
    if not found then
      perform ledger_open_window(p_key, v_window);
      select * into strict v_spend from api_key_spend s where s.key_id = p_key and s.window_start = v_window;
    end if;
    key_used := v_spend.spent + v_spend.held;
    if key_used + p_hold > key_limit then
      outcome := 'key_limit';
      return;
    end if;
  end if;
  update balances b set held = b.held + p_hold, updated_at = p_now
    where b.account_id = p_account and b.balance - b.held >= p_hold returning b.balance - b.held into spendable;
  if not found then
    outcome := 'insufficient_funds';
    spendable := coalesce((select b.balance - b.held from balances b where b.account_id = p_account), 0);
    return;
  end if;
  update api_key_spend s set held = s.held + p_hold where s.key_id = p_key and s.window_start = v_window;
  fee_percent := coalesce(v_user.platform_fee_percent, p_default_fee_percent);
  is_service := coalesce(v_user.role = 'service', false);
  insert into reservations (request_id, account_id, key_id, window_start, model, public_model, state, hold, base_hold, prompt_bound,
      output_bound, price_in, price_out, price_source, fee_percent, is_service, instance_id, created_at)
    values (p_request, p_account, p_key, v_window, p_model, p_public_model, 'held', p_hold, p_hold, p_prompt_bound, p_output_bound,
      p_price_in, p_price_out, p_price_source, ledger_hold.fee_percent, ledger_hold.is_service, p_instance, p_now);
  outcome := 'held';
end $$;

-- As before, but who has paid is read from the journal, which is never removed.
create or replace function ledger_claim(p_machine text, p_account text, p_since timestamptz, p_now timestamptz) returns bigint language plpgsql as $$
declare
  v_amount bigint;
  v_first text;
begin
  with claimed as (
    update provider_earnings e set account_id = p_account
      where e.machine_id = p_machine and e.account_id = 'sys:unclaimed' and e.created_at >= p_since
        and not exists (select from ledger_transactions t join ledger_entries c on c.transaction_id = t.id
          where t.idempotency_key = 'settle:' || e.job_id and c.entry_type = 'charge' and c.account_id = p_account)
      returning e.amount, e.job_id
  ) select sum(amount), min(job_id) into v_amount, v_first from claimed;
  if v_amount is null then
    return 0;
  end if;
  perform ledger_post('claim', 'claim:' || v_first, p_machine, array['sys:unclaimed', p_account], array['payout', 'payout'],
    array[-v_amount, v_amount], array[false, true], p_now);
  return v_amount;
end $$;
`;
