/** What machines are paid for being there. */
export const rewards = /* sql */ `
-- How machines were, minute by minute; whatever is paid is judged by these rows.
create table machine_minutes (
  machine_id text not null,
  minute timestamptz not null,
  account_id text,
  eligible boolean not null,
  -- Why not; empty where it was.
  reasons text[] not null,
  compute_class text not null,
  memory_gb double precision not null,
  primary key (minute, machine_id)
);

create table reward_epochs (
  -- Its beginning, as 2026-11-30T12:05Z.
  epoch_id text primary key,
  budget bigint not null check (budget >= 0),
  drawn bigint not null check (drawn between 0 and budget),
  settled_at timestamptz not null
);

create table provider_floor_draws (
  machine_id text not null,
  epoch_id text not null references reward_epochs (epoch_id),
  account_id text not null,
  amount bigint not null check (amount >= 0),
  floor bigint not null check (floor >= 0),
  earned bigint not null check (earned >= 0),
  uptime double precision not null check (uptime between 0 and 1),
  memory_gb double precision not null,
  created_at timestamptz not null,
  primary key (machine_id, epoch_id)
);
create index provider_floor_draws_epoch on provider_floor_draws (epoch_id);
create index provider_floor_draws_account on provider_floor_draws (account_id, epoch_id);

-- The most memory that machines of a class come with: what they report counts up to it.
create table hardware_caps (
  compute_class text primary key,
  max_gb double precision not null check (max_gb >= 0)
);
`;
