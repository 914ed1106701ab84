/** Why the bundled Postgres cannot run here. Closed list; the message says what to do. */
type EmbeddedPostgresErrorCode =
  | "unsupported_platform"
  | "binaries_unusable"
  | "unreachable_as_root"
  | "foreign_data_directory"
  | "incompatible_version"
  | "broken_cluster"
  | "initdb_failed"
  | "start_failed"
  | "start_timeout"
  | "stop_timeout";

/** The bundled Postgres could not be prepared, started or stopped. `message` is written for the person who runs Umbel. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";

  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
