/** Codes by which a program is signed in as somebody, beside those that link machines: the same way, and another thing at its end. */
export const signInCodes = /* sql */ `
alter table device_codes add column purpose text not null default 'machine' check (purpose in ('machine', 'person'));
`;
