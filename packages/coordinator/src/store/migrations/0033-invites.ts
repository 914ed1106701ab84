/** Codes that are worth money to spend, once an account. */
export const invites = /* sql */ `
create table invite_codes (
  -- In capitals.
  code text primary key check (code ~ '^[A-Z0-9](?:[A-Z0-9-]{1,18})[A-Z0-9]$'),
  amount_micro_usd bigint not null check (amount_micro_usd > 0),
  -- 0 is without end.
  max_uses integer not null check (max_uses >= 0),
  used_count integer not null default 0 check (used_count >= 0 and (max_uses = 0 or used_count <= max_uses)),
  active boolean not null default true,
  expires_at timestamptz,
  created_at timestamptz not null
);
create index invite_codes_created on invite_codes (created_at);

create table invite_redemptions (
  code text not null references invite_codes (code),
  account_id text not null references users (account_id),
  created_at timestamptz not null,
  primary key (code, account_id)
);
create index invite_redemptions_account on invite_redemptions (account_id);

-- Codes that there are not, of the last hour: so that nobody guesses on.
create table invite_misses (
  id bigint generated always as identity primary key,
  account_id text not null references users (account_id),
  created_at timestamptz not null
);
create index invite_misses_account on invite_misses (account_id, created_at);
`;
