export type CodecSubject = "chat request" | "chat events";

/** Plaintext that is not what it should be. Says which kind of plaintext and nothing of its content. */
export class CodecError extends Error {
  override readonly name = "CodecError";
  constructor(
    readonly code: "malformed" | "too_large",
    readonly subject: CodecSubject,
  ) {
    super(`${subject}: ${code}`);
  }
}
