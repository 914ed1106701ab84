/** Builds whose machines serve nothing else. Source: routing.md §12.4. */
export const isolation = /* sql */ `
alter table model_registry add column isolation text not null default 'shared' check (isolation in ('shared', 'dedicated'));
`;
