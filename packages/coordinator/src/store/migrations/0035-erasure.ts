/** Accounts that are to be erased, and what was done about it. */
export const erasure = /* sql */ `
create table erasure_requests (
  id text primary key,
  account_id text not null references users (account_id),
  state text not null check (state in ('scheduled', 'cancelled', 'done')),
  -- Whether its owner gives up what is still on it.
  forfeit boolean not null,
  requested_at timestamptz not null,
  scheduled_for timestamptz not null,
  ended_at timestamptz,
  -- What was switched off at once, and what the erasure did.
  report jsonb not null,
  check ((state = 'scheduled') = (ended_at is null))
);
create unique index erasure_requests_open on erasure_requests (account_id) where state = 'scheduled';
create index erasure_requests_due on erasure_requests (scheduled_for) where state = 'scheduled';
`;
