import type { PgDatabase } from "drizzle-orm/pg-core";
import type { PostgresJsQueryResultHKT } from "drizzle-orm/postgres-js";

/** Where statements run: straight on the pool, or inside one transaction. */
export type Tx = PgDatabase<PostgresJsQueryResultHKT, Record<string, never>>;
