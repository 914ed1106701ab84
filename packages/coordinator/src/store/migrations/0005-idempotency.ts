/** What callers' idempotency keys stand for: digests and states, never a body. */
export const idempotency = /* sql */ `
create table idempotency_keys (
  account_id text not null references users (account_id),
  key_digest text not null,
  body_digest text not null,
  request_id text not null,
  state text not null check (state in ('running', 'ended')),
  instance_id text not null,
  created_at timestamptz not null,
  primary key (account_id, key_digest)
);
create index idempotency_keys_age on idempotency_keys (created_at);
`;
