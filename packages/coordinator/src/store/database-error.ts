import postgres from "postgres";

/**
 * What a failed statement means to its caller.
 * - `conflict`: lost against a concurrent transaction; nothing happened; the same statement may succeed at once
 * - `unavailable`: no answer, so it may or may not have happened; the same statement may succeed later
 * - `refused`: the database understood and said no; repeating changes nothing
 */
type DatabaseFailure = "conflict" | "unavailable" | "refused";

/** Serialization failure, deadlock, lock timeout (PostgreSQL manual, appendix A). */
const CONFLICTS = new Set(["40001", "40P01", "55P03"]);
/** Statement cancelled or timed out, out of resources, shutting down, starting up, read-only after a failover. */
const UNAVAILABLE = /^(?:08|53|57|58|25006)/;

/** Undefined for errors that did not come from the database or its connection. */
export function databaseFailure(error: unknown): DatabaseFailure | undefined {
  if (error instanceof postgres.PostgresError) {
    if (CONFLICTS.has(error.code)) return "conflict";
    return UNAVAILABLE.test(error.code) ? "unavailable" : "refused";
  }
  return isConnectionError(error) ? "unavailable" : undefined;
}

/** SQLSTATE of an error that the database raised, e.g. `23505` for a duplicate key. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError ? error.code : undefined;
}

/** Errors of sockets and name look-up, and the driver's own (CONNECTION_CLOSED, CONNECTION_ENDED, CONNECT_TIMEOUT, …). */
function isConnectionError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^(?:CONNECT|E[A-Z_]+$)/.test(code) && !code.startsWith("ERR_");
}
