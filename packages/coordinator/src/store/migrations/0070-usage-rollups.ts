/** What was used, added up by the day for good, and what the public is told of it in all. Source: money.md §20. */
export const usageRollups = /* sql */ `
create table usage_days (
  -- UTC.
  day date not null,
  account_id text not null,
  -- Empty where it was no key.
  key_id text not null,
  model text not null,
  public_model text not null,
  is_public boolean not null,
  requests bigint not null check (requests > 0),
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  cost bigint not null,
  primary key (account_id, day, key_id, model, public_model, is_public)
);

create table usage_totals (
  id integer primary key check (id = 1),
  -- Every day before this one is in usage_days, and in these sums over what is public.
  until date not null,
  requests bigint not null,
  prompt_tokens bigint not null,
  completion_tokens bigint not null
);
`;
