/**
 * The life of builds: facts and price belong to a version and count from its promotion on, every promotion is kept, names are rolled out by
 * shares, versions can be withdrawn. The revision grows with every change, in the transaction that makes it. Source: catalog.md §5 to §9.
 */
export const catalogue = /* sql */ `
alter table model_registry
  add column status text not null default 'active' check (status in ('beta', 'active', 'deprecated', 'retired')),
  add column deprecation_date text;

alter table model_versions
  add column facts jsonb,
  add column input_price bigint check (input_price > 0),
  add column output_price bigint check (output_price > 0),
  add column origins text[] not null default '{}',
  add column file_urls jsonb not null default '{}',
  add column registered_by text not null default 'coordinator',
  add column revoked_at timestamptz,
  add column revoked_reason text;
update model_versions as version set
  facts = jsonb_build_object(
    'displayName', model.display_name, 'family', model.family, 'architecture', model.architecture, 'quantization', model.quantization,
    'description', model.description, 'license', model.license, 'contextLength_tokens', model.max_context_length,
    'maxOutput_tokens', model.max_output_length, 'capabilities', to_jsonb(model.capabilities), 'kvBytesPerToken', model.kv_bytes_per_token,
    'defaults', model.defaults, 'isolation', model.isolation),
  input_price = coalesce((select price.input_price from model_prices price where price.account_id = 'platform' and price.model = model.id), 50000),
  output_price = coalesce((select price.output_price from model_prices price where price.account_id = 'platform' and price.model = model.id), 200000)
  from model_registry model where model.id = version.model_id;
alter table model_versions
  alter column facts set not null,
  alter column input_price set not null,
  alter column output_price set not null;

create table model_activations (
  id bigint generated always as identity primary key,
  model_id text not null references model_registry (id) on delete cascade,
  model_version_id bigint not null references model_versions (id) on delete cascade,
  activated_at timestamptz not null,
  activated_by text not null
);
create index model_activations_model on model_activations (model_id, id desc);
insert into model_activations (model_id, model_version_id, activated_at, activated_by)
  select model_id, model_version_id, activated_at, 'coordinator' from model_active_versions order by activated_at;

alter table model_aliases
  add column retired_builds text[] not null default '{}',
  add column desired_share integer not null default 100 check (desired_share between 0 and 100),
  add column wave integer not null default 100 check (wave between 0 and 100),
  add column min_desired_providers integer not null default 1 check (min_desired_providers >= 0),
  add column takeover boolean not null default false;

create table catalog_state (
  is_only boolean primary key default true check (is_only),
  revision bigint not null
);
insert into catalog_state (revision) values (1);
create function advance_catalog() returns trigger language plpgsql as $$
begin
  update catalog_state set revision = revision + 1;
  perform pg_notify('umbel_catalog', '');
  return null;
end $$;
drop trigger model_registry_notice on model_registry;
drop trigger model_active_versions_notice on model_active_versions;
drop trigger model_aliases_notice on model_aliases;
create trigger model_registry_advance after insert or update or delete on model_registry
  for each statement execute function advance_catalog();
create trigger model_versions_advance after insert or update or delete on model_versions
  for each statement execute function advance_catalog();
create trigger model_active_versions_advance after insert or update or delete on model_active_versions
  for each statement execute function advance_catalog();
create trigger model_prices_advance after insert or update or delete on model_prices
  for each statement execute function advance_catalog();
create trigger model_aliases_advance after insert or update or delete on model_aliases
  for each statement execute function advance_catalog();

create table admin_audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  target text not null,
  before jsonb,
  after jsonb
);
create index admin_audit_target on admin_audit (target, id desc);
`;
