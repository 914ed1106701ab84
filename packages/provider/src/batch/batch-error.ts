import type { ErrorClass } from "@umbel/protocol";

/** Why a request was not admitted or did not end by itself. */
export class BatchError extends Error {
  override readonly name = "BatchError";
  constructor(
    readonly errorClass: ErrorClass,
    /** Figures that explain it; in tokens or requests. */
    readonly figures: { readonly needed?: number; readonly available?: number } = {},
    options?: ErrorOptions,
  ) {
    super(errorClass, options);
  }
}
