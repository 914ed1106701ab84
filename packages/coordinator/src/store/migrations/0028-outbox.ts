/** What is to be done with the world outside, and what it has told: both are worked off at least once. Source: money.md §11, §12, §20. */
export const outbox = /* sql */ `
create table outbox (
  id bigint generated always as identity primary key,
  kind text not null,
  -- What the work is for, e.g. a withdrawal.
  aggregate_id text not null,
  idempotency_key text not null unique,
  payload jsonb not null,
  state text not null default 'queued' check (state in ('queued', 'running', 'done', 'dead')),
  attempts integer not null default 0,
  next_at timestamptz not null,
  lease_owner text,
  lease_until timestamptz,
  last_error text,
  created_at timestamptz not null,
  finished_at timestamptz,
  check ((state = 'running') = (lease_until is not null))
);
create index outbox_due on outbox (next_at) where state = 'queued';
create index outbox_leased on outbox (lease_until) where state = 'running';
create index outbox_aggregate on outbox (aggregate_id);

create table stripe_events (
  event_id text primary key,
  endpoint text not null check (endpoint in ('account', 'connect')),
  type text not null,
  livemode boolean not null,
  -- The fields of the event that are used, never the whole of it: it names people and cards.
  payload jsonb not null,
  received_at timestamptz not null,
  processed_at timestamptz,
  attempts integer not null default 0,
  next_at timestamptz not null,
  last_error text
);
create index stripe_events_unprocessed on stripe_events (next_at) where processed_at is null;
create index stripe_events_processed on stripe_events (processed_at);
`;
