/** Why a file is not read as GGUF. */
export type GgufErrorCode =
  | "unreadable"
  | "not_gguf"
  | "version_unsupported"
  | "truncated"
  | "too_large"
  | "malformed"
  | "duplicate"
  | "split_incomplete";

/** A file that is no GGUF, is damaged, or claims what no model has. */
export class GgufError extends Error {
  override readonly name = "GgufError";
  constructor(
    readonly code: GgufErrorCode,
    /** What is wrong, without a full stop. Holds no bytes of the file besides names that passed the alphabet check. */
    detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}
