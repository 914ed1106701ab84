/**
 * The statements that move money, each one round trip. They move what they are told and refuse what breaks a rule; prices are computed outside.
 * Rows are locked in one order everywhere: reservation, spend of the key, balances by ascending account.
 */
export const ledgerFunctions = /* sql */ `
create function ledger_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
create trigger ledger_transactions_append_only before update or delete or truncate on ledger_transactions
  for each statement execute function ledger_refuse_change();
create trigger ledger_entries_append_only before update or delete or truncate on ledger_entries
  for each statement execute function ledger_refuse_change();

create function ledger_window_start(p_reset text, p_now timestamptz) returns timestamptz language sql immutable parallel safe
  return case p_reset
    when 'daily' then date_trunc('day', p_now at time zone 'UTC') at time zone 'UTC'
    when 'weekly' then date_trunc('week', p_now at time zone 'UTC') at time zone 'UTC'
    when 'monthly' then date_trunc('month', p_now at time zone 'UTC') at time zone 'UTC'
    else to_timestamp(0)
  end;

create function ledger_lock_balances(p_accounts text[]) returns void language plpgsql as $$
begin
  insert into balances (account_id) select distinct account from unnest(p_accounts) account order by account on conflict do nothing;
  perform 1 from balances where account_id = any (p_accounts) order by account_id for update;
end $$;

-- Posts one balanced transaction. False when the same one is there already; a different one under the same key is refused.
create function ledger_post(
  p_kind text, p_key text, p_reference text,
  p_accounts text[], p_types text[], p_amounts bigint[], p_withdrawable boolean[], p_now timestamptz
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
      when p_amounts[i] > 0 then case when p_withdrawable[i] then p_amounts[i] else 0 end
      else -greatest(0, -p_amounts[i] - (v_balance.balance - v_balance.withdrawable))
    end;
    update balances set balance = balance + p_amounts[i], withdrawable = withdrawable + v_delta, seq = seq + 1, updated_at = p_now
      where account_id = p_accounts[i] returning * into v_balance;
    insert into ledger_entries (account_id, seq, transaction_id, entry_type, amount, withdrawable_delta, balance_after, withdrawable_after, created_at)
      values (p_accounts[i], v_balance.seq, v_transaction.id, p_types[i], p_amounts[i], v_delta, v_balance.balance, v_balance.withdrawable, p_now);
  end loop;
  return true;
end $$;

create function ledger_hold(
  p_request text, p_account text, p_key text, p_model text, p_public_model text, p_hold bigint, p_prompt_bound bigint, p_output_bound bigint,
  p_price_in bigint, p_price_out bigint, p_price_source text, p_default_fee_percent integer, p_instance text, p_now timestamptz,
  out outcome text, out fee_percent integer, out spendable bigint, out key_limit bigint, out key_used bigint, out key_window text
) language plpgsql as $$
declare
  v_window timestamptz;
  v_spend api_key_spend;
begin
  if p_key is not null then
    select k.limit_micro_usd, k.limit_reset into strict key_limit, key_window from api_keys k where k.id = p_key;
    v_window := ledger_window_start(key_window, p_now);
    select * into v_spend from api_key_spend s where s.key_id = p_key and s.window_start = v_window for update;
    if not found then
      -- A window opens with what was already spent in it under another reset rule.
      insert into api_key_spend (key_id, window_start, spent)
        select p_key, v_window, coalesce(sum(u.cost), 0) from usage u where u.key_id = p_key and u.admitted_at >= v_window
        on conflict do nothing;
      select * into strict v_spend from api_key_spend s where s.key_id = p_key and s.window_start = v_window for update;
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
  fee_percent := coalesce((select u.platform_fee_percent from users u where u.account_id = p_account), p_default_fee_percent);
  insert into reservations (request_id, account_id, key_id, window_start, model, public_model, state, hold, prompt_bound, output_bound,
      price_in, price_out, price_source, fee_percent, instance_id, created_at)
    values (p_request, p_account, p_key, v_window, p_model, p_public_model, 'held', p_hold, p_prompt_bound, p_output_bound,
      p_price_in, p_price_out, p_price_source, ledger_hold.fee_percent, p_instance, p_now);
  outcome := 'held';
end $$;

create function ledger_park(p_request text, p_now timestamptz) returns boolean language plpgsql as $$
begin
  update reservations set state = 'parked', parked_at = coalesce(parked_at, p_now) where request_id = p_request and state in ('held', 'parked');
  return found;
end $$;

create function ledger_release(p_request text, p_reason text, p_now timestamptz) returns boolean language plpgsql as $$
declare
  v_reservation reservations;
begin
  update reservations set state = 'released', final_reason = p_reason, finalized_at = p_now
    where request_id = p_request and state in ('held', 'parked') returning * into v_reservation;
  if not found then
    return false;
  end if;
  update api_key_spend set held = held - v_reservation.hold
    where key_id = v_reservation.key_id and window_start = v_reservation.window_start;
  update balances set held = held - v_reservation.hold, updated_at = p_now where account_id = v_reservation.account_id;
  return true;
end $$;

create function ledger_settle(
  p_request text, p_prompt bigint, p_completion bigint, p_reasoning bigint, p_cached bigint, p_cost bigint, p_fee bigint,
  p_session text, p_machine text, p_provider_account text, p_reason text, p_now timestamptz,
  out outcome text, out cost bigint, out replayed boolean
) language plpgsql as $$
declare
  v_reservation reservations;
  v_payee text := coalesce(p_provider_account, 'sys:unclaimed');
  v_accounts text[];
  v_types text[] := array['charge'];
  v_amounts bigint[] := array[-p_cost];
begin
  select * into v_reservation from reservations where request_id = p_request for update;
  if not found then
    outcome := 'unknown';
    return;
  end if;
  if v_reservation.state in ('settled', 'released') then
    outcome := v_reservation.state;
    cost := coalesce(v_reservation.cost, 0);
    replayed := true;
    return;
  end if;
  if p_cost < 0 or p_cost > v_reservation.hold or p_fee < 0 or p_fee > p_cost or (v_payee = v_reservation.account_id and p_cost > 0) then
    raise exception 'a cost of % with a fee of % cannot be settled', p_cost, p_fee using errcode = 'check_violation';
  end if;
  update api_key_spend set held = held - v_reservation.hold, spent = spent + p_cost
    where key_id = v_reservation.key_id and window_start = v_reservation.window_start;
  v_accounts := array[v_reservation.account_id];
  if p_cost > p_fee then
    v_accounts := v_accounts || v_payee;
    v_types := v_types || 'payout'::text;
    v_amounts := v_amounts || (p_cost - p_fee);
  end if;
  if p_fee > 0 then
    v_accounts := v_accounts || 'platform'::text;
    v_types := v_types || 'platform_fee'::text;
    v_amounts := v_amounts || p_fee;
  end if;
  perform ledger_lock_balances(v_accounts);
  update balances set held = held - v_reservation.hold, updated_at = p_now where account_id = v_reservation.account_id;
  if p_cost > 0 then
    perform ledger_post('settle', 'settle:' || p_request, p_request, v_accounts, v_types, v_amounts,
      array(select type = 'payout' from unnest(v_types) type), p_now);
  end if;
  if p_cost > p_fee then
    insert into provider_earnings (job_id, account_id, machine_id, model, amount, prompt_tokens, completion_tokens, created_at)
      values (p_request, v_payee, p_machine, v_reservation.model, p_cost - p_fee, p_prompt, p_completion, p_now);
  end if;
  insert into usage (request_id, account_id, key_id, machine_id, model, public_model, prompt_tokens, completion_tokens, reasoning_tokens,
      cached_prompt_tokens, cost, is_public, admitted_at, created_at)
    values (p_request, v_reservation.account_id, v_reservation.key_id, p_machine, v_reservation.model, v_reservation.public_model, p_prompt,
      p_completion, p_reasoning, p_cached, p_cost, v_payee <> v_reservation.account_id, v_reservation.created_at, p_now);
  update reservations set state = 'settled', cost = p_cost, final_reason = p_reason, provider_session_id = p_session, machine_id = p_machine,
      provider_account_id = p_provider_account, finalized_at = p_now
    where request_id = p_request;
  outcome := 'settled';
  cost := p_cost;
  replayed := false;
end $$;
`;
