/**
 * What programs say of a build beside what it is: parameters that go with its requests, and what other lists are told of it. And whether all files of
 * a version were read and found to be what its manifest says, where that was asked for. Source: catalog.md §1, §5.
 */
export const verifiedVersions = /* sql */ `
alter table model_registry
  add column runtime_parameters jsonb not null default '{}',
  add column metadata jsonb not null default '{}';
update model_versions set facts = facts || '{"runtimeParameters": {}, "metadata": {}}'::jsonb;
alter table model_versions
  add column verification text not null default 'ready' check (verification in ('ready', 'verifying', 'failed')),
  add column verification_problem text;
`;
