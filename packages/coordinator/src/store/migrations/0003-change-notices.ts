/** Tells every process that caches keys, prices or the catalogue when they change, whoever changed them. */
export const changeNotices = /* sql */ `
create function notify_change() returns trigger language plpgsql as $$
begin
  perform pg_notify(tg_argv[0], '');
  return null;
end $$;

create trigger api_keys_notice
  after insert or delete or update of key_hash, disabled, limit_micro_usd, limit_reset, allowed_models, expires_at, owner_account_id on api_keys
  for each statement execute function notify_change('umbel_keys');
create trigger model_prices_notice after insert or update or delete on model_prices
  for each statement execute function notify_change('umbel_prices');
create trigger model_registry_notice after insert or update or delete on model_registry
  for each statement execute function notify_change('umbel_catalog');
create trigger model_active_versions_notice after insert or update or delete on model_active_versions
  for each statement execute function notify_change('umbel_catalog');
create trigger model_aliases_notice after insert or update or delete on model_aliases
  for each statement execute function notify_change('umbel_catalog');
`;
