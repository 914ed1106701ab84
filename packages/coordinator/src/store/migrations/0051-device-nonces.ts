/** What lets a machine fetch its token again when the first answer was lost: a digest of something that it alone knows. Source: money.md §4. */
export const deviceNonces = /* sql */ `
alter table device_codes
  add column client_nonce_hash text,
  add column consumed_at timestamptz;
`;
