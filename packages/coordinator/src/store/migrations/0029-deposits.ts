/** Money that comes in by card. Source: money.md §11, §20. */
export const deposits = /* sql */ `
create table billing_sessions (
  id text primary key,
  account_id text not null,
  payment_method text not null,
  amount bigint not null check (amount > 0),
  amount_cents bigint not null check (amount_cents > 0),
  -- Of the payment processor; null until it has answered.
  external_id text unique,
  payment_intent_id text,
  status text not null check (status in ('creating', 'pending', 'completed', 'expired', 'needs_review')),
  referral_code text,
  -- How much of it went back to the payer, disputes apart.
  refunded bigint not null default 0 check (refunded >= 0),
  review_reason text,
  created_at timestamptz not null,
  completed_at timestamptz,
  check ((status = 'completed') = (completed_at is not null))
);
create index billing_sessions_account on billing_sessions (account_id, created_at desc);
create index billing_sessions_payment on billing_sessions (payment_intent_id) where payment_intent_id is not null;

create table payment_disputes (
  id text primary key,
  session_id text not null references billing_sessions (id),
  account_id text not null,
  amount bigint not null check (amount > 0),
  -- What the account had to give, and how much of that were earnings; the rest of the amount is bad debt.
  taken bigint not null default 0 check (taken between 0 and amount),
  taken_withdrawable bigint not null default 0 check (taken_withdrawable between 0 and taken),
  state text not null check (state in ('inquiry', 'charged', 'reversed')),
  reason text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index payment_disputes_account on payment_disputes (account_id);
`;
