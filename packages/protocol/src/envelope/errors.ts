/**
 * Why an envelope was refused. `malformed`: lengths or layout are wrong. `authentication`: the bytes are not what was sealed for this
 * request, provider and metadata. `too_large`: over the named wire limit. The other two concern chunks. Never holds content.
 */
export type EnvelopeErrorCode = "malformed" | "authentication" | "too_large" | "out_of_order" | "after_final";

export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
  constructor(readonly code: EnvelopeErrorCode) {
    super(`envelope refused: ${code}`);
  }
}
