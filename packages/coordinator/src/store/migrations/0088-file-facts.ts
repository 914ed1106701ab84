/** What the files of a build say of themselves. Source: catalog.md §1. */
export const fileFacts = /* sql */ `
alter table model_registry add column file_facts jsonb;
`;
