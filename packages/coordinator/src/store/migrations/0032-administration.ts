/** What operators did about accounts: from where, and each thing once. */
export const administration = /* sql */ `
-- A keyed hash of the address; never the address itself.
alter table admin_audit add column ip_hash text;

-- What an operator's idempotency keys stand for.
create table admin_requests (
  idempotency_key text primary key,
  action text not null,
  -- Of what was asked for.
  digest text not null,
  answer jsonb,
  created_at timestamptz not null
);
create index admin_requests_age on admin_requests (created_at);
`;
