/**
 * People who sign in with this coordinator, beside the accounts that they own. The tables `auth_…` are what the sign-in library reads and
 * writes; an account comes into being with its person, in the same statement, so that there is never one without the other. Sources: money.md
 * §2, console.md §2.
 */
export const people = /* sql */ `
alter table users
  -- May use the routes of operators when signed in.
  add column operator boolean not null default false;

create table auth_users (
  id text primary key references users (account_id),
  name text not null,
  email text not null unique check (email = lower(email)),
  email_verified boolean not null default false,
  image text,
  two_factor_enabled boolean default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table auth_sessions (
  id text primary key,
  token_hash text not null unique,
  user_id text not null references auth_users (id) on delete cascade,
  -- The network that it was begun from, truncated.
  network text,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index auth_sessions_user on auth_sessions (user_id);
create index auth_sessions_expires on auth_sessions (expires_at);

-- Ways to sign in of one person: a password, or an account with an identity provider.
create table auth_logins (
  id text primary key,
  account_id text not null,
  provider_id text not null,
  user_id text not null references auth_users (id) on delete cascade,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (provider_id, account_id)
);
create index auth_logins_user on auth_logins (user_id);

-- Codes and links that are under way, by digests.
create table auth_verifications (
  id text primary key,
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index auth_verifications_identifier on auth_verifications (identifier);
create index auth_verifications_expires on auth_verifications (expires_at);

create table auth_passkeys (
  id text primary key,
  name text,
  public_key text not null,
  user_id text not null references auth_users (id) on delete cascade,
  credential_id text not null unique,
  counter bigint not null,
  device_type text not null,
  backed_up boolean not null,
  transports text,
  aaguid text,
  created_at timestamptz default now()
);
create index auth_passkeys_user on auth_passkeys (user_id);

create table auth_second_factors (
  id text primary key,
  user_id text not null unique references auth_users (id) on delete cascade,
  secret text not null,
  backup_codes text not null,
  verified boolean default true,
  failed_verification_count integer default 0,
  locked_until timestamptz
);

-- Who may sign up where registration is by invitation.
create table invitations (
  id text primary key,
  email text not null check (email = lower(email)),
  invited_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  account_id text references users (account_id),
  revoked_at timestamptz
);
create index invitations_email on invitations (email);

-- An address that nobody has proven is nobody's: money is credited by address.
create function auth_user_begins() returns trigger language plpgsql as $$
begin
  insert into users (account_id, display_name, email, email_pending) values
    (new.id, left(new.name, 200), case when new.email_verified then new.email end, not new.email_verified);
  return new;
end $$;
create trigger auth_user_begins before insert on auth_users for each row execute function auth_user_begins();

create function auth_user_accepts() returns trigger language plpgsql as $$
begin
  update invitations set used_at = new.created_at, account_id = new.id
    where email = new.email and used_at is null and revoked_at is null;
  return null;
end $$;
create trigger auth_user_accepts after insert on auth_users for each row execute function auth_user_accepts();

create function auth_user_changes() returns trigger language plpgsql as $$
begin
  update users set display_name = left(new.name, 200), email = case when new.email_verified then new.email end, email_pending = not new.email_verified
    where account_id = new.id;
  return null;
end $$;
create trigger auth_user_changes after update of name, email, email_verified on auth_users
  for each row execute function auth_user_changes();

-- What a person signed in with ends with the account.
create function auth_user_ends() returns trigger language plpgsql as $$
begin
  delete from auth_users where id = new.account_id;
  return null;
end $$;
create trigger auth_user_ends after update of erased_at on users
  for each row when (new.erased_at is not null and old.erased_at is null) execute function auth_user_ends();

-- People of identity providers that this coordinator trusts. Their address is a label, and never joins two of them.
create table external_identities (
  issuer text not null,
  subject text not null,
  account_id text not null references users (account_id),
  email_checked_at timestamptz,
  created_at timestamptz not null,
  primary key (issuer, subject)
);
create index external_identities_account on external_identities (account_id);
`;
