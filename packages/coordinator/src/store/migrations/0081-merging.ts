/** Accounts that went over to others, and what operators wrote about money that they gave. Source: money.md §5, §16. */
export const merging = /* sql */ `
alter table users
  -- The account that this one went over to; what still comes in for it follows.
  add column merged_into text,
  add check (merged_into is null or erased_at is not null);
create index users_merged on users (merged_into) where merged_into is not null;

-- Connections that were made for another account end, too.
drop trigger provider_tokens_notice on provider_tokens;
create trigger provider_tokens_notice after delete or update of revoked_at, expires_at, account_id on provider_tokens
  for each statement execute function notify_change('umbel_provider_tokens');

-- What a key may do depends on what its account is.
create trigger users_role_notice after update of role on users for each statement execute function notify_change('umbel_keys');

-- Beside the journal, which is never changed: a note may say who somebody is, and goes with the account.
create table ledger_notes (
  transaction_id bigint primary key references ledger_transactions (id),
  note text not null
);
`;
