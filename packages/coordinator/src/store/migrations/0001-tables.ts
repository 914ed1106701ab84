/** Tables of accounts, keys, money, catalogue and machines. */
export const tables = /* sql */ `
create table users (
  account_id text primary key check (account_id ~ '^[A-Za-z0-9._:@-]{1,128}$' and account_id not in ('platform', 'admin') and account_id !~ '^sys:'),
  display_name text not null,
  platform_fee_percent integer check (platform_fee_percent between 0 and 100),
  created_at timestamptz not null default now()
);

create table api_keys (
  id text primary key,
  key_hash text unique,
  label text not null,
  owner_account_id text not null references users (account_id),
  name text not null,
  disabled boolean not null default false,
  limit_micro_usd bigint check (limit_micro_usd >= 0),
  limit_reset text not null check (limit_reset in ('none', 'daily', 'weekly', 'monthly')),
  allowed_models text[] not null,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  deleted_at timestamptz,
  check ((deleted_at is null) = (key_hash is not null))
);
create index api_keys_owner on api_keys (owner_account_id, created_at desc);

create table api_key_spend (
  key_id text not null,
  window_start timestamptz not null,
  spent bigint not null default 0 check (spent >= 0),
  held bigint not null default 0 check (held >= 0),
  primary key (key_id, window_start)
);

create table provider_tokens (
  id text primary key,
  token_hash text not null unique,
  account_id text not null references users (account_id),
  label text not null,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index provider_tokens_account on provider_tokens (account_id);

create table ledger_transactions (
  id bigint generated always as identity primary key,
  kind text not null,
  idempotency_key text not null unique,
  reference text not null,
  created_at timestamptz not null default now()
);
create index ledger_transactions_reference on ledger_transactions (reference);

create table ledger_entries (
  account_id text not null,
  seq bigint not null check (seq > 0),
  transaction_id bigint not null references ledger_transactions (id),
  entry_type text not null,
  amount bigint not null check (amount <> 0),
  withdrawable_delta bigint not null,
  balance_after bigint not null,
  withdrawable_after bigint not null,
  created_at timestamptz not null default now(),
  primary key (account_id, seq)
);
create index ledger_entries_transaction on ledger_entries (transaction_id);

create function ledger_is_system(p_account text) returns boolean language sql immutable parallel safe
  return p_account = 'platform' or p_account like 'sys:%';

create table balances (
  account_id text primary key,
  balance bigint not null default 0,
  withdrawable bigint not null default 0,
  held bigint not null default 0,
  seq bigint not null default 0,
  updated_at timestamptz not null default now(),
  check (ledger_is_system(account_id) or (balance >= 0 and withdrawable between 0 and balance and held between 0 and balance))
) with (fillfactor = 70);

create table reservations (
  request_id text primary key,
  account_id text not null check (not ledger_is_system(account_id)),
  key_id text,
  window_start timestamptz,
  model text not null,
  public_model text not null,
  state text not null check (state in ('held', 'parked', 'settled', 'released')),
  hold bigint not null check (hold between 1 and 1000000000000000),
  prompt_bound bigint not null check (prompt_bound >= 0),
  output_bound bigint not null check (output_bound >= 0),
  price_in bigint not null check (price_in >= 0),
  price_out bigint not null check (price_out >= 0),
  price_source text not null check (price_source in ('platform', 'fallback')),
  fee_percent integer not null check (fee_percent between 0 and 100),
  instance_id text not null,
  provider_session_id text,
  machine_id text,
  provider_account_id text,
  cost bigint check (cost between 0 and hold),
  final_reason text,
  created_at timestamptz not null default now(),
  parked_at timestamptz,
  finalized_at timestamptz,
  check ((key_id is null) = (window_start is null)),
  check ((state in ('settled', 'released')) = (finalized_at is not null)),
  check ((state = 'settled') = (cost is not null))
) with (fillfactor = 80);
create index reservations_open on reservations (instance_id) where state in ('held', 'parked');
create index reservations_account on reservations (account_id, created_at);

create table settlement_dead_letter (
  id bigint generated always as identity primary key,
  request_id text,
  payload jsonb not null,
  error text not null,
  created_at timestamptz not null default now(),
  resolved_at timestamptz
);

create table model_prices (
  account_id text not null,
  model text not null,
  input_price bigint not null check (input_price > 0),
  output_price bigint not null check (output_price > 0),
  updated_at timestamptz not null default now(),
  primary key (account_id, model)
);

create table provider_earnings (
  job_id text primary key,
  account_id text not null,
  machine_id text not null,
  model text not null,
  amount bigint not null check (amount > 0),
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  created_at timestamptz not null default now()
);
create index provider_earnings_account on provider_earnings (account_id, created_at desc);
create index provider_earnings_machine on provider_earnings (machine_id, created_at desc);

create table usage (
  request_id text primary key,
  account_id text not null,
  key_id text,
  machine_id text not null,
  model text not null,
  public_model text not null,
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  reasoning_tokens bigint not null,
  cached_prompt_tokens bigint not null,
  cost bigint not null,
  is_public boolean not null,
  admitted_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index usage_account on usage (account_id, created_at desc);
create index usage_key on usage (key_id, admitted_at desc) where key_id is not null;
create index usage_machine on usage (machine_id, created_at desc);

create table model_registry (
  id text primary key,
  display_name text not null,
  family text not null,
  architecture text not null,
  quantization text not null,
  description text not null,
  license text not null,
  max_context_length bigint not null check (max_context_length > 0),
  max_output_length bigint not null check (max_output_length > 0),
  capabilities text[] not null,
  kv_bytes_per_token bigint not null check (kv_bytes_per_token >= 0),
  defaults jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table model_versions (
  id bigint generated always as identity primary key,
  model_id text not null references model_registry (id) on delete cascade,
  version text not null,
  storage_prefix text not null,
  aggregate_sha256 text not null,
  total_size_bytes bigint not null,
  file_count integer not null,
  manifest_created_at text not null,
  created_at timestamptz not null default now(),
  constraint model_versions_model_version unique (model_id, version)
);

create table model_version_files (
  model_version_id bigint not null references model_versions (id) on delete cascade,
  position integer not null,
  path text not null,
  size_bytes bigint not null,
  sha256 text not null,
  role text not null,
  primary key (model_version_id, position),
  constraint model_version_files_path unique (model_version_id, path)
);

create table model_active_versions (
  model_id text primary key references model_registry (id) on delete cascade,
  model_version_id bigint not null references model_versions (id),
  activated_at timestamptz not null default now()
);

create table model_aliases (
  alias_id text primary key,
  display_name text not null,
  desired_build text not null references model_registry (id),
  previous_build text references model_registry (id),
  active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index model_aliases_desired on model_aliases (desired_build);

create table providers (
  machine_id text primary key,
  account_id text,
  encryption_key text not null,
  hardware jsonb not null,
  models jsonb not null,
  backend text not null,
  version text not null,
  trust_level text not null,
  registered_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  untrusted_reason text,
  untrusted_at timestamptz
);
create index providers_account on providers (account_id, last_seen_at desc);

create table coordinator_instances (
  id text primary key,
  host text not null,
  pid bigint not null,
  started_at timestamptz not null,
  heartbeat_at timestamptz not null
);
`;
