/** Who brings others to the network under which code, and who was brought by whom: once, and for ever. */
export const referrals = /* sql */ `
create table referrers (
  account_id text primary key references users (account_id),
  -- In capitals.
  code text not null unique check (code ~ '^[A-Z0-9](?:[A-Z0-9-]{1,18})[A-Z0-9]$'),
  created_at timestamptz not null default now()
);

create table referrals (
  referred_account_id text primary key references users (account_id),
  referrer_code text not null references referrers (code),
  created_at timestamptz not null default now()
);
create index referrals_referrer on referrals (referrer_code);
`;
