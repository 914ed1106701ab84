/** What a build takes in memory, as its files say; unknown of those that were registered before. Source: routing.md §4.2, §4.3. */
export const buildMemory = /* sql */ `
alter table model_registry add column memory jsonb;
update model_versions set facts = facts || '{"memory": null}';
`;
