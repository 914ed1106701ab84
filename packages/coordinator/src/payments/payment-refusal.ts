export type PaymentRefusalCode =
  | "billing_error"
  | "stripe_error"
  | "chain_error"
  | "invalid_request_error"
  | "not_onboarded"
  | "instant_unavailable"
  | "insufficient_withdrawable"
  | "account_frozen"
  | "conflict"
  | "not_found";

/** Money is not moved, for a reason that the caller may hear. Nothing has happened to his balance. */
export class PaymentRefusal extends Error {
  override readonly name = "PaymentRefusal";

  constructor(
    readonly code: PaymentRefusalCode,
    message: string,
    /** The field at fault. */
    readonly param?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
