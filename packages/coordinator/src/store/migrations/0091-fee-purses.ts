/** Fees of settlements that are booked at the same time: one account of the house for all of them would have each wait for the one before. */
export const feePurses = /* sql */ `
-- Where the fee of a request goes until it is gathered: one of sixteen accounts of the house.
create function ledger_fee_purse(p_request text) returns text language sql immutable as $$
  select 'sys:fees:' || (hashtextextended(p_request, 0) & 15)
$$;

-- What has come together in one of them becomes the platform's. Zero where there is nothing in any, or others are about it.
create function ledger_gather_fees(p_now timestamptz) returns bigint language plpgsql as $$
declare
  v_purse balances;
begin
  -- By their names, for which there is an index, and not by how these begin: there may be many accounts.
  select * into v_purse from balances
    where account_id = any (array(select 'sys:fees:' || n from generate_series(0, 15) n)) and balance > 0
    order by account_id limit 1 for update skip locked;
  if not found then
    return 0;
  end if;
  perform ledger_post('gather', 'gather:' || v_purse.account_id || ':' || v_purse.seq, 'fees of settlements', array[v_purse.account_id, 'platform'],
    array['platform_fee', 'platform_fee'], array[-v_purse.balance, v_purse.balance], array[false, false], p_now);
  return v_purse.balance;
end $$;

-- As before, but for where the fee goes.
create or replace function ledger_settle(
  p_request text, p_attempt integer, p_prompt bigint, p_completion bigint, p_reasoning bigint, p_cached bigint, p_cost bigint, p_fee bigint,
  p_price_in bigint, p_price_out bigint, p_session text, p_machine text, p_provider_account text, p_reason text,
  p_referral_share integer, p_referral_since timestamptz, p_now timestamptz,
  out outcome text, out cost bigint, out replayed boolean
) language plpgsql as $$
declare
  v_reservation reservations;
  v_payee text := coalesce(p_provider_account, 'sys:unclaimed');
  v_referrer text;
  v_reward bigint := 0;
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
  if p_fee > 0 and p_referral_share > 0 then
    v_referrer := ledger_referrer(v_reservation.account_id, p_provider_account, p_referral_since);
    if v_referrer is not null then
      v_reward := p_fee * p_referral_share / 100;
    end if;
  end if;
  if v_reward > 0 then
    v_accounts := v_accounts || v_referrer;
    v_types := v_types || 'referral_reward'::text;
    v_amounts := v_amounts || v_reward;
  end if;
  if p_fee > v_reward then
    v_accounts := v_accounts || ledger_fee_purse(p_request);
    v_types := v_types || 'platform_fee'::text;
    v_amounts := v_amounts || (p_fee - v_reward);
  end if;
  perform ledger_lock_balances(v_accounts);
  update balances set held = held - v_reservation.hold, updated_at = p_now where account_id = v_reservation.account_id;
  if p_cost > 0 then
    perform ledger_post('settle', 'settle:' || p_request, p_request, v_accounts, v_types, v_amounts,
      array(select type in ('payout', 'referral_reward') from unnest(v_types) type), p_now);
  end if;
  if p_cost > p_fee then
    insert into provider_earnings (job_id, account_id, machine_id, model, amount, prompt_tokens, completion_tokens, created_at)
      values (p_request, v_payee, p_machine, v_reservation.model, p_cost - p_fee, p_prompt, p_completion, p_now);
  end if;
  insert into usage (request_id, account_id, key_id, machine_id, model, public_model, prompt_tokens, completion_tokens, reasoning_tokens,
      cached_prompt_tokens, cost, input_price, output_price, is_public, admitted_at, created_at)
    values (p_request, v_reservation.account_id, v_reservation.key_id, p_machine, v_reservation.model, v_reservation.public_model, p_prompt,
      p_completion, p_reasoning, p_cached, p_cost, p_price_in, p_price_out, v_payee <> v_reservation.account_id, v_reservation.created_at, p_now);
  if v_reservation.hold > v_reservation.base_hold then
    update reservation_attempts set state = case when attempt = p_attempt then 'committed' else 'abandoned' end
      where request_id = p_request and state = 'live';
  end if;
  update reservations set state = 'settled', cost = p_cost, final_reason = p_reason, provider_session_id = p_session, machine_id = p_machine,
      provider_account_id = p_provider_account, finalized_at = p_now
    where request_id = p_request;
  outcome := 'settled';
  cost := p_cost;
  replayed := false;
end $$;
`;
