import { DrizzleQueryError } from "drizzle-orm";

/**
 * Awaits a query of the builder. Its errors repeat the query with its values, which do not belong into logs; the driver's own error behind them
 * does not.
 */
export async function run<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw error instanceof DrizzleQueryError && error.cause ? error.cause : error;
  }
}
