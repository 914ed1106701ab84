/** Since when a build is deprecated, which answers say (RFC 9745). */
export const deprecation = /* sql */ `
alter table model_registry add column deprecated_at timestamptz;
update model_registry set deprecated_at = updated_at where status = 'deprecated' or deprecation_date is not null;
`;
