/** Releases of the provider program. Source: catalog.md §20. */
export const releases = /* sql */ `
create table releases (
  version text not null,
  platform text not null,
  channel text not null check (channel in ('stable', 'beta')),
  url text not null,
  bundle_hash text not null,
  binary_hash text not null,
  signature text,
  changelog text not null,
  rollout integer not null check (rollout between 0 and 100),
  active boolean not null default true,
  created_at timestamptz not null,
  primary key (version, platform)
);
create index releases_platform on releases (platform) where active;
`;
