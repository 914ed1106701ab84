/**
 * Why an answer's receipt was refused. `missing`: there is none and one is required. `invalid`: it is no receipt. `untrusted_device`: no
 * trusted device signed it. `wrong_answer`: it belongs to another request. `usage`: the answer reports more tokens than the device signed.
 * `unreadable`: the answer is not one whose receipt could be looked for.
 */
export type ReceiptErrorCode = "missing" | "invalid" | "untrusted_device" | "wrong_answer" | "usage" | "unreadable";

/** An answer that its provider does not vouch for. The answer's body fails with this error before its end is delivered. */
export class ReceiptError extends Error {
  override readonly name = "ReceiptError";
  constructor(
    readonly code: ReceiptErrorCode,
    options?: ErrorOptions,
  ) {
    super(`receipt refused: ${code}`, options);
  }
}
