/** What refused requests needed beyond what was left; and usage by the minute. Sources: money.md §7, §20. */
export const shortfalls = /* sql */ `
alter table rejections
  add column limit_kind text,
  add column over_by bigint check (over_by >= 0),
  add column shortfall_micro_usd bigint check (shortfall_micro_usd >= 0);

create table usage_minutes (
  minute timestamptz primary key,
  requests bigint not null check (requests > 0),
  prompt_tokens bigint not null,
  completion_tokens bigint not null
);
-- Every minute before this one is in usage_minutes, from the last day on that is in usage_days.
alter table usage_totals add column minutes_until timestamptz;
`;
