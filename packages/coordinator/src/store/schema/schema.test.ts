import { is } from "drizzle-orm";
import { getTableConfig, PgArray, PgTable } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../testing.js";
import * as schema from "./index.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.close();
});

const tables = Object.values(schema).flatMap((value) => (is(value, PgTable) ? [value] : []));

/** How information_schema spells the types that the schema uses. */
function sqlType(type: string): string {
  return type === "timestamp with time zone" ? "timestamptz" : type;
}

function declaredColumns(table: PgTable) {
  return getTableConfig(table).columns.map((column) => ({
    name: column.name,
    type: is(column, PgArray) ? `${column.baseColumn.getSQLType()}[]` : sqlType(column.getSQLType()),
    notNull: column.notNull,
    hasDefault: column.hasDefault || column.generatedIdentity !== undefined,
  }));
}

async function actualColumns(table: string) {
  const rows = await database.store.client<{ name: string; type: string; nullable: string; default: string | null; identity: string }[]>`
    select column_name as name, is_nullable as nullable, column_default as default, is_identity as identity,
      case data_type when 'ARRAY' then ltrim(udt_name, '_') || '[]' when 'timestamp with time zone' then 'timestamptz' else data_type end as type
    from information_schema.columns where table_schema = 'public' and table_name = ${table} order by ordinal_position`;
  return rows.map((row) => ({
    name: row.name,
    type: row.type,
    notNull: row.nullable === "NO",
    hasDefault: row.default !== null || row.identity === "YES",
  }));
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

describe("the declared schema and the migrated database", () => {
  it("have the same tables", async () => {
    const rows = await database.store.client<{ name: string }[]>`
      select table_name as name from information_schema.tables where table_schema = 'public'`;
    expect(rows.map((row) => row.name).sort()).toEqual(tables.map((table) => getTableConfig(table).name).sort());
  });

  it.each(tables.map((table) => [getTableConfig(table).name, table] as const))("have the same columns in %s", async (name, table) => {
    expect((await actualColumns(name)).sort(byName)).toEqual(declaredColumns(table).sort(byName));
  });

  it.each(tables.map((table) => [getTableConfig(table).name, table] as const))(
    "have the same keys and indexes on %s",
    async (name, table) => {
      const rows = await database.store.client<{ columns: string; unique: boolean; primary: boolean }[]>`
      select string_agg(a.attname, ',' order by k.place) as columns, i.indisunique as unique, i.indisprimary as primary
      from pg_index i
        join lateral unnest(i.indkey::int[]) with ordinality k (column_number, place) on true
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.column_number
      where i.indrelid = ${name}::regclass group by i.indexrelid, i.indisunique, i.indisprimary`;
      const { columns, primaryKeys, uniqueConstraints, indexes } = getTableConfig(table);
      const declared = [
        ...columns.filter((column) => column.primary).map((column) => `primary ${column.name}`),
        ...primaryKeys.map((key) => `primary ${key.columns.map((column) => column.name).join(",")}`),
        ...columns.filter((column) => column.isUnique).map((column) => `unique ${column.name}`),
        ...uniqueConstraints.map((constraint) => `unique ${constraint.columns.map((column) => column.name).join(",")}`),
        ...indexes.map(
          (index) =>
            `${index.config.unique ? "unique" : "index"} ${index.config.columns.map((column) => ("name" in column ? column.name : "")).join(",")}`,
        ),
      ];
      const actual = rows.map((row) => `${row.primary ? "primary" : row.unique ? "unique" : "index"} ${row.columns}`);
      expect(actual.sort()).toEqual(declared.sort());
    },
  );
});
