import type { ErrorClass } from "@umbel/protocol";

/** Why a request cannot be served, as the coordinator hears it: a class, at most a closed detail, and never a text. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  constructor(
    readonly errorClass: ErrorClass,
    readonly detail: { readonly param?: string; readonly needed?: number; readonly available?: number } = {},
  ) {
    super(`request refused: ${errorClass}`);
  }
}

/** A part of an answer could not be sealed, or is too large for a chunk. */
export class SealingError extends RequestError {
  constructor() {
    super("internal");
  }
}
