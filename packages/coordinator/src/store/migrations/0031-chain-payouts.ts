/** Payouts in a stablecoin: whose address it is, and which transactions may carry a payout. Source: money.md §12. */
export const chainPayouts = /* sql */ `
create table payout_addresses (
  account_id text primary key,
  address text not null,
  verified_at timestamptz not null
);

create table payout_address_challenges (
  account_id text primary key,
  address text not null,
  message text not null,
  expires_at timestamptz not null
);

create table chain_nonces (
  chain_id bigint not null,
  sender text not null,
  next_nonce bigint not null,
  primary key (chain_id, sender)
);

-- A payout keeps its nonce for good: of all transactions with one nonce the chain takes at most one.
create table chain_transfers (
  withdrawal_id text primary key references withdrawals (id),
  chain_id bigint not null,
  sender text not null,
  token text not null,
  recipient text not null,
  units text not null,
  nonce bigint not null,
  gas bigint not null,
  created_at timestamptz not null,
  unique (chain_id, sender, nonce)
);

create table chain_transactions (
  hash text primary key,
  withdrawal_id text not null references chain_transfers (withdrawal_id),
  max_fee text not null,
  max_priority_fee text not null,
  created_at timestamptz not null
);
create index chain_transactions_withdrawal on chain_transactions (withdrawal_id);
`;
