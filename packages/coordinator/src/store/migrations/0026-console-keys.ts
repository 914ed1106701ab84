/** The key that stands for an account's use of the console, so that it can be seen, limited and switched off like any other. Nobody has its secret. */
export const consoleKeys = /* sql */ `
alter table api_keys add column console boolean not null default false;
create unique index api_keys_console on api_keys (owner_account_id) where console and deleted_at is null;
`;
