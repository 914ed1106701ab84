/**
 * A call to Stripe has failed.
 * - `refused`: Stripe understood it and did nothing; the same call will not do better
 * - `unclear`: it may have happened or not, or not yet; the same call with the same idempotency key tells
 * - `key_refused`: Stripe does not accept our key, as when it was revoked or may not do this; nothing is known of what an earlier call has done
 */
export class StripeFailure extends Error {
  override readonly name = "StripeFailure";

  constructor(
    readonly kind: "refused" | "unclear" | "key_refused",
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
const KEY_REFUSALS = new Set([401, 403]);

/** What a failure of the SDK means. 409 and 429 say that it is to be repeated. A 400 for the idempotency key itself is our own mistake. */
export function asStripeFailure(error: unknown): StripeFailure {
  if (!(error instanceof Error)) return new StripeFailure("unclear", String(error), undefined);
  const { statusCode, rawType, code } = error as { readonly statusCode?: unknown; readonly rawType?: unknown; readonly code?: unknown };
  const word = typeof code === "string" ? code : undefined;
  if (typeof statusCode === "number" && KEY_REFUSALS.has(statusCode))
    return new StripeFailure("key_refused", `Stripe does not accept this coordinator's key: ${error.message}`, word, { cause: error });
  const isRefused =
    typeof statusCode === "number" && REFUSALS.has(statusCode) && typeof rawType === "string" && rawType !== "idempotency_error";
  return new StripeFailure(isRefused ? "refused" : "unclear", error.message, word, { cause: error });
}
