/** Rates of a key, and keys that reach their owner's machines only. */
export const keyLimits = /* sql */ `
alter table api_keys
  add column rpm_limit integer check (rpm_limit >= 1),
  add column itpm_limit integer check (itpm_limit >= 1),
  add column otpm_limit integer check (otpm_limit >= 1),
  add column self_route_only boolean not null default false;
`;
