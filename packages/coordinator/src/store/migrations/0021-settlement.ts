/** Providers' own prices, aggregators, frozen accounts, the referrer's share, and earnings of machines that get an owner later. */
export const settlement = /* sql */ `
alter table reservations
  -- What was held at admission; \`hold\` is more while an attempt is under way whose machine costs more.
  add column base_hold bigint,
  add column is_service boolean not null default false;
update reservations set base_hold = hold;
alter table reservations alter column base_hold set not null, add check (base_hold between 1 and hold);

-- Attempts on machines whose owner asks for more than was held at admission.
create table reservation_attempts (
  request_id text not null references reservations (request_id) on delete cascade,
  attempt integer not null check (attempt >= 0),
  machine_id text not null,
  provider_account_id text not null,
  required bigint not null check (required > 0),
  state text not null check (state in ('live', 'abandoned', 'committed')),
  created_at timestamptz not null,
  primary key (request_id, attempt)
);

create table model_price_history (
  id bigint generated always as identity primary key,
  account_id text not null,
  model text not null,
  -- Null where the price was taken away.
  input_price bigint,
  output_price bigint,
  actor text not null,
  created_at timestamptz not null
);
create index model_price_history_model on model_price_history (account_id, model, id);
create trigger model_price_history_append_only before update or delete or truncate on model_price_history
  for each statement execute function ledger_refuse_change();

-- What the tokens of a request cost, per million; null where it was free.
alter table usage add column input_price bigint, add column output_price bigint;

create index provider_earnings_unclaimed on provider_earnings (machine_id) where account_id = 'sys:unclaimed';

drop function ledger_hold;
create function ledger_hold(
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
  fee_percent := coalesce(v_user.platform_fee_percent, p_default_fee_percent);
  is_service := coalesce(v_user.role = 'service', false);
  insert into reservations (request_id, account_id, key_id, window_start, model, public_model, state, hold, base_hold, prompt_bound,
      output_bound, price_in, price_out, price_source, fee_percent, is_service, instance_id, created_at)
    values (p_request, p_account, p_key, v_window, p_model, p_public_model, 'held', p_hold, p_hold, p_prompt_bound, p_output_bound,
      p_price_in, p_price_out, p_price_source, ledger_hold.fee_percent, ledger_hold.is_service, p_instance, p_now);
  outcome := 'held';
end $$;

-- Changes what is held for an open reservation, which the caller has locked. False, and nothing is changed, where account or key have not as much.
create function ledger_resize(p_reservation reservations, p_hold bigint, p_now timestamptz) returns boolean language plpgsql as $$
declare
  v_more bigint := p_hold - p_reservation.hold;
begin
  if v_more = 0 then
    return true;
  end if;
  if p_reservation.key_id is not null then
    perform 1 from api_key_spend s join api_keys k on k.id = s.key_id
      where s.key_id = p_reservation.key_id and s.window_start = p_reservation.window_start
        and (v_more < 0 or k.limit_micro_usd is null or s.spent + s.held + v_more <= k.limit_micro_usd)
      for update of s;
    if not found then
      return false;
    end if;
  end if;
  update balances set held = held + v_more, updated_at = p_now
    where account_id = p_reservation.account_id and balance - held >= v_more;
  if not found then
    return false;
  end if;
  update api_key_spend set held = held + v_more
    where key_id = p_reservation.key_id and window_start = p_reservation.window_start;
  update reservations set hold = p_hold where request_id = p_reservation.request_id;
  return true;
end $$;

-- What must be held while the attempts run that run now.
create function ledger_required(p_reservation reservations) returns bigint language sql stable as $$
  select greatest(p_reservation.base_hold, max(required)) from reservation_attempts
    where request_id = p_reservation.request_id and state = 'live'
$$;

create function ledger_attempt(
  p_request text, p_attempt integer, p_machine text, p_provider_account text, p_required bigint, p_now timestamptz
) returns text language plpgsql as $$
declare
  v_reservation reservations;
begin
  select * into v_reservation from reservations where request_id = p_request for update;
  if not found or v_reservation.state <> 'held' then
    return 'final';
  end if;
  if p_required <= v_reservation.base_hold then
    return 'held';
  end if;
  if not ledger_resize(v_reservation, greatest(ledger_required(v_reservation), p_required), p_now) then
    return 'insufficient_funds';
  end if;
  insert into reservation_attempts (request_id, attempt, machine_id, provider_account_id, required, state, created_at)
    values (p_request, p_attempt, p_machine, p_provider_account, p_required, 'live', p_now) on conflict do nothing;
  return 'held';
end $$;

create function ledger_abandon(p_request text, p_attempt integer, p_now timestamptz) returns boolean language plpgsql as $$
declare
  v_reservation reservations;
begin
  select * into v_reservation from reservations where request_id = p_request for update;
  update reservation_attempts set state = 'abandoned' where request_id = p_request and attempt = p_attempt and state = 'live';
  if not found then
    return false;
  end if;
  if v_reservation.state in ('held', 'parked') then
    perform ledger_resize(v_reservation, ledger_required(v_reservation), p_now);
  end if;
  return true;
end $$;

-- Who brought the payer, where a share is due: not for work of the referrer's own machines, nor where two have brought each other.
create function ledger_referrer(p_account text, p_provider_account text, p_since timestamptz) returns text language sql stable as $$
  select r.account_id
    from referrals brought
      join referrers r on r.code = brought.referrer_code
      join users u on u.account_id = r.account_id
    where brought.referred_account_id = p_account and brought.created_at >= p_since
      and r.account_id <> p_account and r.account_id is distinct from p_provider_account
      and u.frozen_reason is null and u.erased_at is null
      and not exists (
        select from referrals back join referrers payer on payer.code = back.referrer_code
          where back.referred_account_id = r.account_id and payer.account_id = p_account)
$$;

drop function ledger_settle;
create function ledger_settle(
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
    v_accounts := v_accounts || 'platform'::text;
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

-- Earnings of a machine from before it had an owner become the owner's: all but what the owner has paid itself, which would turn granted
-- credit into earnings.
create function ledger_claim(p_machine text, p_account text, p_since timestamptz, p_now timestamptz) returns bigint language plpgsql as $$
declare
  v_amount bigint;
  v_first text;
begin
  with claimed as (
    update provider_earnings e set account_id = p_account
      where e.machine_id = p_machine and e.account_id = 'sys:unclaimed' and e.created_at >= p_since
        and not exists (select from usage u where u.request_id = e.job_id and u.account_id = p_account)
      returning e.amount, e.job_id
  ) select sum(amount), min(job_id) into v_amount, v_first from claimed;
  if v_amount is null then
    return 0;
  end if;
  perform ledger_post('claim', 'claim:' || v_first, p_machine, array['sys:unclaimed', p_account], array['payout', 'payout'],
    array[-v_amount, v_amount], array[false, true], p_now);
  return v_amount;
end $$;

-- What nobody has claimed in time becomes the platform's.
create function ledger_lapse(p_before timestamptz, p_rows integer, p_now timestamptz) returns bigint language plpgsql as $$
declare
  v_amount bigint;
  v_first text;
begin
  with lapsed as (
    update provider_earnings set account_id = 'platform' where job_id in (
        select job_id from provider_earnings where account_id = 'sys:unclaimed' and created_at < p_before
          order by created_at limit p_rows for update skip locked)
      returning amount, job_id
  ) select sum(amount), min(job_id) into v_amount, v_first from lapsed;
  if v_amount is null then
    return 0;
  end if;
  perform ledger_post('lapse', 'lapse:' || v_first, 'unclaimed earnings', array['sys:unclaimed', 'platform'], array['adjustment', 'adjustment'],
    array[-v_amount, v_amount], array[false, false], p_now);
  return v_amount;
end $$;
`;
