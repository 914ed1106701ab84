/**
 * A call to Stripe has failed.
 * - `refused`: Stripe understood it and did nothing; the same call will not do better
 * - `unclear`: it may have happened or not, or not yet; the same call with the same idempotency key tells
 */
export class StripeFailure extends Error {
  override readonly name = "StripeFailure";

  constructor(
    readonly kind: "refused" | "unclear",
    message: string,
    /** Stripe's own word for it, e.g. `balance_insufficient`. */
    readonly code: string | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A bad request, a declined one, and one about something that is not there. */
const REFUSALS = new Set([400, 402, 404]);

/**
 * What a failure of the SDK means. 401 and 403 say that our key is not accepted now, and nothing of what an earlier call with the same
 * idempotency key has done; 409 and 429 that it is to be repeated. A 400 for the idempotency key itself is our own mistake.
 */
export function asStripeFailure(error: unknown): StripeFailure {
  if (!(error instanceof Error)) return new StripeFailure("unclear", String(error), undefined);
  const { statusCode, rawType, code } = error as { readonly statusCode?: unknown; readonly rawType?: unknown; readonly code?: unknown };
  const isRefused =
    typeof statusCode === "number" && REFUSALS.has(statusCode) && typeof rawType === "string" && rawType !== "idempotency_error";
  return new StripeFailure(isRefused ? "refused" : "unclear", error.message, typeof code === "string" ? code : undefined, { cause: error });
}
