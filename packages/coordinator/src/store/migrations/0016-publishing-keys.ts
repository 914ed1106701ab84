/** Keys that may change the catalogue and nothing else. Revoked ones keep their row, so that the audit can name them. Source: catalog.md §6.1. */
export const publishingKeys = /* sql */ `
create table publishing_api_keys (
  id text primary key,
  key_hash text not null unique,
  label text not null,
  name text not null,
  scopes text[] not null check (cardinality(scopes) > 0),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
`;
