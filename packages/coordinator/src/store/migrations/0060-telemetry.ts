/** What machines and consoles tell of themselves, and logs that owners of machines send. */
export const telemetry = /* sql */ `
create table telemetry_events (
  id bigint generated always as identity primary key,
  -- As its sender names it: what is sent twice is kept once.
  event_id text not null unique,
  received_at timestamptz not null,
  happened_at timestamptz not null,
  source text not null,
  message text not null,
  kind text not null,
  severity text not null,
  version text,
  session_id text,
  -- Of whoever proved it; null is nobody known.
  machine text,
  account_id text,
  fields jsonb not null,
  stack text,
  -- The same of events that are the same but for when and where.
  fingerprint text not null
);
create index telemetry_events_received on telemetry_events (received_at);
create index telemetry_events_account on telemetry_events (account_id);

create table log_reports (
  id text primary key,
  account_id text not null references users (account_id),
  -- Of the token that it came with.
  machine text not null,
  -- Pseudonym of the machine, as far as the token tells.
  provider text,
  bytes bigint not null,
  created_at timestamptz not null
);
create index log_reports_created on log_reports (created_at);
create index log_reports_account on log_reports (account_id, created_at);
create index log_reports_machine on log_reports (machine, created_at);

-- Compressed, and in pieces, so that no backup has to hold a whole one.
create table log_report_parts (
  report_id text not null references log_reports (id) on delete cascade,
  part integer not null,
  content text not null,
  primary key (report_id, part)
);
`;
