import { createHash } from "node:crypto";
import type { Client } from "../client.js";
import type { Session } from "../dump/tables.js";
import { type Migration, migrations as shipped } from "./index.js";

/** One number for all that migrate this database; chosen at random. */
const MIGRATION_LOCK = 7_315_204_861n;

type MigrationErrorCode = "database_newer" | "checksum_drift" | "migration_failed";

/** The database's schema and this program do not fit together, or a migration failed (then nothing of it is left). */
export class MigrationError extends Error {
  override readonly name = "MigrationError";

  constructor(
    readonly code: MigrationErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Brings the schema up to date. Processes that start together take turns; each migration is one transaction.
 *
 * @param client a client of one connection, without a statement timeout
 * @returns the ids that were applied
 * @throws MigrationError
 */
export async function migrate(client: Client, migrations: readonly Migration[] = shipped): Promise<readonly number[]> {
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK}::bigint)`;
    await client`create table if not exists schema_migrations (
      id integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`;
    const applied = await client<{ id: number; checksum: string }[]>`select id, checksum from schema_migrations order by id`;
    refuseMismatch(applied, migrations);
    const pending = migrations.slice(applied.length);
    for (const migration of pending) await apply(client, migration);
    return pending.map((migration) => migration.id);
  } finally {
    await client`select pg_advisory_unlock_all()`;
  }
}

/** As databases keep it of each migration that they have had. */
export function checksumOf({ sql }: Migration): string {
  return createHash("sha256").update(sql).digest("hex");
}

async function apply(client: Client, migration: Migration): Promise<void> {
  await client.begin((transaction) => record(transaction, migration));
}

/** Runs a migration within a transaction, and notes that it was. @throws MigrationError */
export async function record(transaction: Session, migration: Migration): Promise<void> {
  const { id, name, sql } = migration;
  try {
    await transaction.unsafe(sql);
    await transaction`insert into schema_migrations (id, name, checksum) values (${id}, ${name}, ${checksumOf(migration)})`;
  } catch (cause) {
    throw new MigrationError("migration_failed", `Migration ${id} (${name}) failed; nothing of it was kept.`, { cause });
  }
}

function refuseMismatch(applied: readonly { id: number; checksum: string }[], migrations: readonly Migration[]): void {
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    if (!migration) {
      const message = `The database has migration ${row.id}, this program knows ${migrations.length}. Use a program at least as new as the database.`;
      throw new MigrationError("database_newer", message);
    }
    if (migration.id !== row.id || checksumOf(migration) !== row.checksum) {
      const message = `Migration ${row.id} of the database is not the one this program ships. Use the program that created the database.`;
      throw new MigrationError("checksum_drift", message);
    }
  }
}
