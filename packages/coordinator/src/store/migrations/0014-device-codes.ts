/**
 * Machines that ask to be linked to an account. Both codes are kept as digests: whoever reads the table can neither approve nor take what
 * stands in it. Source: money.md §4.
 */
export const deviceCodes = /* sql */ `
create table device_codes (
  device_code_hash text primary key,
  user_code_hash text not null unique,
  status text not null default 'pending' check (status in ('pending', 'approved', 'denied', 'consumed')),
  account_id text references users (account_id),
  client_name text not null,
  platform text not null,
  network text not null,
  interval_s integer not null,
  last_poll_at timestamptz,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  check (status in ('pending', 'denied') or account_id is not null)
);
create index device_codes_expires on device_codes (expires_at);
`;
