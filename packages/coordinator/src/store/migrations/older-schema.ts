import type { Session } from "../dump/tables.js";
import { type Migration, migrations as shipped } from "./index.js";
import { checksumOf, record } from "./migrate.js";

/** What a database says of a migration that it has had. */
interface Applied {
  readonly id: number;
  readonly checksum: string;
}

/** How a schema stands to that of this program. */
type Relation = "same" | "older" | "newer" | "another";

export function relationOf(applied: readonly Applied[], migrations: readonly Migration[] = shipped): Relation {
  const common = Math.min(applied.length, migrations.length);
  for (let index = 0; index < common; index += 1) {
    const [theirs, ours] = [applied[index], migrations[index]];
    if (theirs === undefined || ours === undefined || theirs.id !== ours.id || theirs.checksum !== checksumOf(ours)) return "another";
  }
  if (applied.length === 0) return "another";
  if (applied.length === migrations.length) return "same";
  return applied.length < migrations.length ? "older" : "newer";
}

/** Makes the empty schema of this program anew as it was after its first `count` migrations; within the caller's transaction. */
export async function rebuildSchema(sql: Session, count: number, migrations: readonly Migration[] = shipped): Promise<void> {
  await sql.unsafe(DROP_OWN);
  await sql`create table schema_migrations (
    id integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`;
  for (const migration of migrations.slice(0, count)) await record(sql, migration);
}

/** The rest of the migrations; within the caller's transaction. @returns how many there were */
export async function finishSchema(sql: Session, count: number, migrations: readonly Migration[] = shipped): Promise<number> {
  const rest = migrations.slice(count);
  // What waits for a commit would keep tables from being altered.
  if (rest.length > 0) await sql`set constraints all immediate`;
  for (const migration of rest) await record(sql, migration);
  return rest.length;
}

/** Tables and functions of ours; those of extensions stay. */
const DROP_OWN = /* sql */ `
do $$
declare
  found record;
begin
  for found in select c.oid::regclass as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'e')
  loop
    execute format('drop table %s cascade', found.name);
  end loop;
  for found in select p.oid::regprocedure as name from pg_proc p
    where p.pronamespace = 'public'::regnamespace and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  loop
    execute format('drop routine %s cascade', found.name);
  end loop;
end $$`;
