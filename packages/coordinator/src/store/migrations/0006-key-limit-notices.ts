/** The limits that keys got later are told of like the others, so that a change of theirs is effective at once, too. */
export const keyLimitNotices = /* sql */ `
drop trigger api_keys_notice on api_keys;
create trigger api_keys_notice
  after insert or delete or update of key_hash, disabled, limit_micro_usd, limit_reset, rpm_limit, itpm_limit, otpm_limit, allowed_models,
    self_route_only, expires_at, owner_account_id on api_keys
  for each statement execute function notify_change('umbel_keys');
`;
