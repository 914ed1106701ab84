import { createHash } from "node:crypto";
import type { Client } from "../client.js";
import { finishSchema, rebuildSchema, relationOf } from "../migrations/older-schema.js";
import { VIOLATIONS } from "../repositories/invariants.js";
import { type AppliedMigration, prepare, rowsOf } from "./dump.js";
import { type DumpedTable, type Session, tablesOf } from "./tables.js";

/** More of them say no more. */
const VIOLATIONS_TOLD = 10;
/** A database has rows in these before anybody uses it. */
const SEEDED: ReadonlySet<string> = new Set(["catalog_state", "coordinator_instances"]);

/** The schema that it is of, and then each table with its rows as JSON. */
export type DumpPart =
  | { readonly kind: "schema"; readonly applied: readonly AppliedMigration[] }
  | { readonly kind: "table"; readonly table: DumpedTable }
  | { readonly kind: "rows"; readonly rows: readonly string[] };

/** Rows and hash that a table is to have. */
interface TableSeal {
  readonly name: string;
  readonly rows: number;
  readonly sha256: string;
}

/** The database is not as a restore needs it, or what was restored is not what was dumped. Nothing was changed. */
export class RestoreError extends Error {
  override readonly name = "RestoreError";
}

/**
 * Fills an empty database, in one transaction: all of it or nothing. Each table is read again and compared with what it is to be; rows of an older
 * schema are loaded into that schema, which is brought up to date afterwards; and the books are proven.
 *
 * @param seals known only when `parts` have ended
 * @returns how many migrations were made up for
 * @throws RestoreError
 */
export async function restoreDatabase(client: Client, parts: AsyncIterable<DumpPart>, seals: () => readonly TableSeal[]): Promise<number> {
  return client.begin(async (sql) => {
    await prepare(sql);
    let known = await tablesByName(sql);
    await refuseUsed(sql, [...known.keys()]);
    let migrations = Number.POSITIVE_INFINITY;
    const restored: DumpedTable[] = [];
    for await (const part of parts) {
      if (part.kind === "schema") {
        if (relationOf(part.applied) === "older") {
          migrations = part.applied.length;
          await rebuildSchema(sql, migrations);
          known = await tablesByName(sql);
        }
        for (const name of SEEDED) if (known.has(name)) await sql`delete from ${sql(name)}`;
        continue;
      }
      const table = part.kind === "table" ? part.table : restored.at(-1);
      if (table === undefined) throw new RestoreError("the backup has rows of no table");
      if (part.kind === "rows") {
        await fill(sql, table, part.rows);
        continue;
      }
      if (known.get(table.name)?.columns.join() !== table.columns.join()) {
        throw new RestoreError(`the table ${table.name} of the backup is another one here`);
      }
      await makeParts(sql, table);
      // What triggers did at the time is in the rows.
      await sql.unsafe(`alter table "${table.name}" disable trigger user`);
      restored.push(table);
    }
    for (const { name } of restored) {
      await sql.unsafe(`alter table "${name}" enable trigger user`);
      await continueIdentities(sql, name);
    }
    const missing = [...known.keys()].filter((name) => !restored.some((table) => table.name === name));
    if (missing.length > 0) throw new RestoreError(`the backup lacks ${missing.join(", ")}`);
    await compare(sql, restored, seals());
    const made = await finishSchema(sql, migrations);
    const violations = await sql.unsafe<{ property: string; subject: string; difference: string }[]>(VIOLATIONS);
    const told = violations.slice(0, VIOLATIONS_TOLD).map(({ property, subject, difference }) => `${property} ${subject}: ${difference}`);
    if (told.length > 0) throw new RestoreError(`the books do not balance: ${told.join("; ")}`);
    return made;
  });
}

async function tablesByName(sql: Session): Promise<ReadonlyMap<string, DumpedTable>> {
  return new Map((await tablesOf(sql)).map((table) => [table.name, table]));
}

async function refuseUsed(sql: Session, names: readonly string[]): Promise<void> {
  for (const name of names.filter((each) => !SEEDED.has(each))) {
    const [row] = await sql`select 1 from ${sql(name)} limit 1`;
    if (row !== undefined) throw new RestoreError(`the database is in use: ${name} has rows`);
  }
}

async function makeParts(sql: Session, { name, parts }: DumpedTable): Promise<void> {
  for (const part of parts) {
    const isOurs = /^FOR VALUES FROM \('[0-9-]{10}'\) TO \('[0-9-]{10}'\)$/.test(part.bound);
    if (!isOurs) throw new RestoreError(`the part ${part.name} of ${name} is none that a restore makes`);
    await sql.unsafe(`create table if not exists "${part.name}" partition of "${name}" ${part.bound}`);
  }
}

async function fill(sql: Session, { name, columns }: DumpedTable, rows: readonly string[]): Promise<void> {
  const list = columns.map((column) => `"${column}"`).join(", ");
  const from = `json_populate_recordset(null::"${name}", $1::text::json)`;
  await sql.unsafe(`insert into "${name}" (${list}) overriding system value select ${list} from ${from}`, [`[${rows.join(",")}]`]);
}

/** Numbers go on behind the last one. */
async function continueIdentities(sql: Session, name: string): Promise<void> {
  const identities = await sql<{ column: string }[]>`
    select column_name as column from information_schema.columns where table_schema = 'public' and table_name = ${name} and is_identity = 'YES'`;
  for (const { column } of identities) {
    await sql`select setval(pg_get_serial_sequence(${`"${name}"`}, ${column}), coalesce(max(${sql(column)}), 0) + 1, false) from ${sql(name)}`;
  }
}

async function compare(sql: Session, tables: readonly DumpedTable[], seals: readonly TableSeal[]): Promise<void> {
  for (const table of tables) {
    const hash = createHash("sha256");
    let rows = 0;
    for await (const page of rowsOf(sql, table)) {
      for (const row of page) hash.update(`${row}\n`);
      rows += page.length;
    }
    const seal = seals.find(({ name }) => name === table.name);
    if (seal?.rows === rows && seal.sha256 === hash.digest("hex")) continue;
    throw new RestoreError(`${table.name} was restored otherwise than it was backed up`);
  }
}
