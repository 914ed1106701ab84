import type { ReservedSql, TransactionSql } from "postgres";

export type Session = TransactionSql<{ bigint: bigint }> | ReservedSql<{ bigint: bigint }>;

export interface DumpedTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** In this order its rows are read, so that the same rows are the same bytes. */
  readonly key: readonly string[];
  /** Of a table in parts: their names and bounds, as SQL. */
  readonly parts: readonly { readonly name: string; readonly bound: string }[];
}

/** Says how far the schema is; it comes from the program and not from a dump. */
const MIGRATIONS = "schema_migrations";

/** Every table that there is, each behind those that it refers to: none can be forgotten, because nobody lists them. */
export async function tablesOf(sql: Session): Promise<readonly DumpedTable[]> {
  const rows = await sql<
    { name: string; columns: string[]; key: string[] | null; parts: DumpedTable["parts"] | null; refers: string[] | null }[]
  >`
    select c.relname as name,
      (select json_agg(a.attname order by a.attnum) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
      (select json_agg(a.attname order by k.place) from pg_index i
        join lateral unnest(i.indkey::int[]) with ordinality k (number, place) on true
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
        where i.indrelid = c.oid and i.indisprimary) as key,
      (select json_agg(json_build_object('name', p.relname, 'bound', pg_get_expr(p.relpartbound, p.oid)) order by p.relname)
        from pg_inherits h join pg_class p on p.oid = h.inhrelid where h.inhparent = c.oid) as parts,
      (select json_agg(distinct t.relname) from pg_constraint f join pg_class t on t.oid = f.confrelid
        where f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid) as refers
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> ${MIGRATIONS}
    order by c.relname`;
  const tables = rows.map(({ name, columns, key, parts }) => ({ name, columns, key: key ?? columns, parts: parts ?? [] }));
  const refers = new Map(rows.map((row) => [row.name, new Set(row.refers ?? [])]));
  return inOrder(tables, refers);
}

/** @throws when tables refer to each other in a circle */
function inOrder(tables: readonly DumpedTable[], refers: ReadonlyMap<string, ReadonlySet<string>>): readonly DumpedTable[] {
  const ordered: DumpedTable[] = [];
  const done = new Set<string>();
  let waiting = [...tables];
  while (waiting.length > 0) {
    const ready = waiting.filter(({ name }) => [...(refers.get(name) ?? [])].every((other) => done.has(other)));
    if (ready.length === 0) throw new Error(`tables refer to each other in a circle: ${waiting.map(({ name }) => name).join(", ")}`);
    for (const table of ready) done.add(table.name);
    ordered.push(...ready);
    waiting = waiting.filter(({ name }) => !done.has(name));
  }
  return ordered;
}
