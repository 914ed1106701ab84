import type { Client } from "../client.js";
import { type DumpedTable, type Session, tablesOf } from "./tables.js";

/** Rows in memory at once. */
const PAGE_ROWS = 1_000;

export interface AppliedMigration {
  readonly id: number;
  readonly checksum: string;
}

/** Takes a dump as it is read; each row is JSON. Waiting for it is what holds the reading up. */
export interface DumpSink {
  begin(migrations: readonly AppliedMigration[]): Promise<void>;
  table(table: DumpedTable): Promise<void>;
  rows(rows: readonly string[]): Promise<void>;
}

/** Reads every row of every table, all as they stood at one moment. Nobody has to wait for it. */
export async function dumpDatabase(client: Client, sink: DumpSink): Promise<void> {
  await client.begin("isolation level repeatable read read only", async (sql) => {
    await prepare(sql);
    await sink.begin(await sql<AppliedMigration[]>`select id, checksum from schema_migrations order by id`.then((rows) => [...rows]));
    for (const table of await tablesOf(sql)) {
      await sink.table(table);
      for await (const page of rowsOf(sql, table)) await sink.rows(page);
    }
  });
}

/** The same rows are the same text, whoever reads them and where. */
export async function prepare(sql: Session): Promise<void> {
  await sql`select set_config('timezone', 'UTC', true), set_config('statement_timeout', '0', true), set_config('extra_float_digits', '3', true),
    set_config('datestyle', 'ISO', true), set_config('lock_timeout', '0', true)`;
}

export async function* rowsOf(sql: Session, { name, columns, key }: DumpedTable): AsyncGenerator<readonly string[]> {
  const list = (names: readonly string[]) => names.map((column) => `"${column}"`).join(", ");
  const text = `select row_to_json(t)::text as row from (select ${list(columns)} from "${name}" order by ${list(key)}) t`;
  for await (const page of sql.unsafe<{ row: string }[]>(text).cursor(PAGE_ROWS)) yield page.map(({ row }) => row);
}
