/** Hashes of a file's parts, as its manifest has them; manifests that were made before have none. Source: catalog.md §2. */
export const fileParts = /* sql */ `
alter table model_version_files add column parts jsonb;
`;
