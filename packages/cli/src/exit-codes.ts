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
  /** It is to be started again, as another version (EX_TEMPFAIL of sysexits.h). */
  restart: 75,
  /** Ctrl-C, as shells number it. */
  interrupted: 130,
} as const;

/** What another start would meet in the same way. */
export const HOPELESS_EXIT_CODES: readonly number[] = [
  EXIT_CODES.usage,
  EXIT_CODES.configuration,
  EXIT_CODES.authentication,
  EXIT_CODES.verification,
];

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
