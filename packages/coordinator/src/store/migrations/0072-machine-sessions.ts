/** What machines have counted in all their life, and each of their connections. Source: routing.md §2.3, §2.5. */
export const machineSessions = /* sql */ `
alter table providers add column counters jsonb;

create table provider_sessions (
  session_id text primary key,
  machine_id text not null,
  account_id text,
  version text not null,
  opened_at timestamptz not null,
  last_seen_at timestamptz not null,
  -- Null while it is open.
  closed_at timestamptz,
  reason text
);
create index provider_sessions_machine on provider_sessions (machine_id, opened_at desc);
create index provider_sessions_account on provider_sessions (account_id, opened_at);
create index provider_sessions_open on provider_sessions (last_seen_at) where closed_at is null;
create index provider_sessions_closed on provider_sessions (closed_at);
`;
