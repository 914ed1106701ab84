/** The oldest provider version that gets requests, where an operator has said so by a call; at most one row. Source: catalog.md §21. */
export const versionFloor = /* sql */ `
create table provider_version_floor (
  is_only boolean primary key default true check (is_only),
  version text not null,
  set_by text not null,
  set_at timestamptz not null
);
`;
