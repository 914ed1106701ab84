/** What the `umbel` command exits with; documented in docs/cli.md. */
export const EXIT_CODES = {
  ok: 0,
  failure: 1,
  usage: 2,
  configuration: 3,
  authentication: 4,
  network: 5,
  hardware: 6,
  verification: 7,
  update: 8,
  /** Ctrl-C, as shells number it. */
  interrupted: 130,
} as const;

/** A failure that the user can act on: what went wrong and what to do next, without a stack trace. */
export class CliError extends Error {
  override readonly name = "CliError";
  constructor(
    message: string,
    readonly exitCode: (typeof EXIT_CODES)[keyof typeof EXIT_CODES],
    /** What to do next. */
    readonly remedy?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
