/**
 * - `invalid`: the value breaks a rule that the message states
 * - `too_many`: the account has as many of these as it may have
 * - `unknown_account`: there is no such account
 */
export type AccountsErrorCode = "invalid" | "too_many" | "unknown_account";

/** What a refusal is about, by its name in the API. */
export type AccountsField =
  | "account_id"
  | "display_name"
  | "name"
  | "label"
  | "email"
  | "password"
  | "limit_usd"
  | "limit_reset"
  | "rpm_limit"
  | "itpm_limit"
  | "otpm_limit"
  | "allowed_models"
  | "expires_at"
  | "keys"
  | "provider_tokens";

/** A request that the caller can correct. The message is `{field} must be …` and fit for the caller's eyes; it never repeats the value. */
export class AccountsError extends Error {
  override readonly name = "AccountsError";

  constructor(
    readonly code: AccountsErrorCode,
    readonly field: AccountsField,
    rule: string,
  ) {
    super(`${field} must be ${rule}`);
  }
}

/** The database gave no answer, or not in time. Says nothing about the credential; a change may or may not have happened. */
export class AccountsUnavailableError extends Error {
  override readonly name = "AccountsUnavailableError";

  constructor(options?: ErrorOptions) {
    super("accounts cannot be read or changed right now", options);
  }
}
