/**
 * Why each request went where it went, and what came of it: numbers, closed words and pseudonyms, never content. One partition a day, made by
 * whoever writes first on that day, so that what is too old goes by dropping a table.
 */
export const decisions = /* sql */ `
create table decisions (
  day date not null,
  request_id text not null,
  attempt integer not null,
  at timestamptz not null,
  client_request_id text not null,
  account_digest text not null,
  key_id text,
  surface text not null,
  public_model text not null,
  build text not null,
  kind text not null check (kind in ('first', 'retry', 'hedge')),
  outcome text not null,
  waited boolean not null,
  provider text,
  shape jsonb not null,
  decision jsonb not null,
  snapshot jsonb,
  runners_up jsonb,
  refused jsonb,
  audit jsonb,
  final_status text check (final_status in ('success', 'partial_success', 'cancelled', 'error', 'timeout')),
  error_class text,
  error_reason text,
  client_outcome text,
  provider_outcome text,
  billing_outcome text,
  committed boolean not null default false,
  used_hedge boolean not null default false,
  hedge_won boolean not null default false,
  prompt_tokens bigint,
  completion_tokens bigint,
  reasoning_tokens bigint,
  cached_prompt_tokens bigint,
  cost bigint,
  ttft_ms double precision,
  total_ms double precision,
  decode_tps double precision,
  timing jsonb,
  ended_at timestamptz,
  primary key (request_id, attempt, day)
) partition by range (day);
create index decisions_time on decisions (at desc, request_id desc, attempt desc);
create index decisions_client_request on decisions (client_request_id);

alter table users add column listed boolean not null default true;
`;
