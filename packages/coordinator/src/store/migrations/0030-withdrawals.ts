/** Money that goes out, and where to. Source: money.md §12, §20. */
export const withdrawals = /* sql */ `
create table stripe_accounts (
  stripe_account_id text primary key,
  account_id text not null,
  country text not null,
  -- Accounts that were replaced stay, so that late events still find them.
  active boolean not null default true,
  status text not null default 'pending' check (status in ('pending', 'restricted', 'ready', 'rejected')),
  destination_type text check (destination_type in ('bank', 'card')),
  destination_last4 text check (destination_last4 ~ '^[0-9A-Za-z]{1,4}$'),
  instant_eligible boolean not null default false,
  currently_due text[] not null default '{}',
  last_event_at timestamptz,
  created_at timestamptz not null
);
create unique index stripe_accounts_active on stripe_accounts (account_id) where active;

create table withdrawals (
  id text primary key,
  account_id text not null,
  rail text not null check (rail in ('stripe', 'chain')),
  -- A connected account, or an address on the chain.
  destination text not null,
  method text not null,
  amount bigint not null check (amount > 0),
  fee bigint not null check (fee >= 0),
  net bigint not null check (net > 0 and net + fee = amount),
  status text not null check (status in ('pending', 'transferred', 'submitted', 'paid', 'failed')),
  transfer_id text,
  payout_id text,
  reversal_id text,
  failure_reason text,
  refunded boolean not null default false,
  -- How often a payout was refused for certain: the next one needs an idempotency key of its own.
  payout_refusals integer not null default 0,
  arrival_at timestamptz,
  client_key text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (refunded = (status = 'failed'))
);
create index withdrawals_account on withdrawals (account_id, created_at desc);
create unique index withdrawals_client_key on withdrawals (account_id, client_key) where client_key is not null;
create unique index withdrawals_transfer on withdrawals (transfer_id) where transfer_id is not null;
create unique index withdrawals_payout on withdrawals (payout_id) where payout_id is not null;
`;
