export type SourceErrorCode =
  | "unreachable"
  | "malformed"
  | "not_in_catalog"
  | "withdrawn"
  | "signature_refused"
  | "contradiction"
  | "not_found"
  | "no_model"
  | "ambiguous"
  | "bad_reference";

/** Why it is not known what to fetch. The message is for the owner of the machine. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  constructor(
    readonly code: SourceErrorCode,
    message: string,
    options?: ErrorOptions & { readonly choices?: readonly string[] },
  ) {
    super(message, options);
    this.choices = options?.choices ?? [];
  }
  /** What could be meant, where it was `ambiguous`. */
  readonly choices: readonly string[];
}
