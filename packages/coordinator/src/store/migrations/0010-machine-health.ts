/** How machines failed and how they stand, as the coordinator writes and reads it: opaque here. */
export const machineHealth = /* sql */ `
create table machine_health (
  machine_id text primary key references providers (machine_id) on delete cascade,
  health jsonb not null,
  updated_at timestamptz not null
);
`;
