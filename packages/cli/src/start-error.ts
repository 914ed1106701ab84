import { CoordinatorRunningError, EmbeddedPostgresError, MigrationError } from "@umbel/coordinator";
import { CliError, EXIT_CODES } from "./exit-codes.js";

/** Rethrows a failed start in words for the operator. @throws always */
export function asStartError(error: unknown): never {
  if (error instanceof EmbeddedPostgresError) throw new CliError(error.message, EXIT_CODES.hardware, undefined, { cause: error });
  if (error instanceof MigrationError) throw new CliError(error.message, EXIT_CODES.configuration, undefined, { cause: error });
  if (error instanceof CoordinatorRunningError) {
    throw new CliError(error.message, EXIT_CODES.failure, "Stop the other one first, or give this one a home of its own with --home.", {
      cause: error,
    });
  }
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
    throw new CliError(
      "The port is in use by another program.",
      EXIT_CODES.network,
      "Choose another one with --port, or --port 0 for any free one.",
      { cause: error },
    );
  }
  throw error;
}
