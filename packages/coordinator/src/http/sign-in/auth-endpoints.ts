/** One endpoint of the sign-in library that this coordinator offers. Everything else of it is not there. */
export interface AuthEndpoint {
  readonly method: "GET" | "POST";
  /** Below `/api/auth`. */
  readonly path: string;
  /**
   * `email`, `new_email`: tries, or sends, something for the address in the body. `caller`: tries something for whoever the cookie is of. `address`: tries
   * something that says itself whom it is for. Absent: tries nothing.
   */
  readonly attempt?: "email" | "new_email" | "caller" | "address";
  /** Only for whoever has signed in within the last minutes, and the account's address so far is told of it. */
  readonly changesAddress?: "asked" | "done";
  /** Fields of the body that are handed on; what else is sent is left out. */
  readonly fields?: readonly string[];
}

export const AUTH_ENDPOINTS: readonly AuthEndpoint[] = [
  { method: "POST", path: "/sign-up/email", attempt: "email", fields: ["name", "email", "password"] },
  { method: "POST", path: "/sign-in/email", attempt: "email", fields: ["email", "password", "rememberMe"] },
  { method: "POST", path: "/sign-out", fields: [] },
  { method: "GET", path: "/get-session" },

  { method: "POST", path: "/send-verification-email", attempt: "email", fields: ["email"] },
  { method: "GET", path: "/verify-email", attempt: "address" },
  { method: "POST", path: "/request-password-reset", attempt: "email", fields: ["email"] },
  { method: "POST", path: "/reset-password", attempt: "address", fields: ["newPassword", "token"] },
  { method: "POST", path: "/change-password", attempt: "caller", fields: ["currentPassword", "newPassword", "revokeOtherSessions"] },
  { method: "POST", path: "/update-user", fields: ["name"] },

  { method: "POST", path: "/email-otp/send-verification-otp", attempt: "email", fields: ["email", "type"] },
  { method: "POST", path: "/sign-in/email-otp", attempt: "email", fields: ["email", "otp", "name"] },

  { method: "POST", path: "/email-otp/request-email-change", attempt: "new_email", changesAddress: "asked", fields: ["newEmail"] },
  { method: "POST", path: "/email-otp/change-email", attempt: "caller", changesAddress: "done", fields: ["newEmail", "otp"] },

  { method: "POST", path: "/two-factor/enable", attempt: "caller", fields: ["password"] },
  { method: "POST", path: "/two-factor/disable", attempt: "caller", fields: ["password"] },
  { method: "POST", path: "/two-factor/generate-backup-codes", attempt: "caller", fields: ["password"] },
  { method: "POST", path: "/two-factor/verify-totp", attempt: "caller", fields: ["code", "trustDevice"] },
  { method: "POST", path: "/two-factor/verify-backup-code", attempt: "caller", fields: ["code", "trustDevice"] },

  { method: "GET", path: "/passkey/generate-register-options" },
  { method: "POST", path: "/passkey/verify-registration", attempt: "caller", fields: ["response", "name"] },
  { method: "GET", path: "/passkey/generate-authenticate-options" },
  { method: "POST", path: "/passkey/verify-authentication", attempt: "address", fields: ["response"] },
  { method: "GET", path: "/passkey/list-user-passkeys" },
  { method: "POST", path: "/passkey/delete-passkey", fields: ["id"] },
  { method: "POST", path: "/passkey/update-passkey", fields: ["id", "name"] },

  { method: "GET", path: "/list-accounts" },
  {
    method: "POST",
    path: "/sign-in/social",
    attempt: "address",
    fields: ["provider", "callbackURL", "errorCallbackURL", "newUserCallbackURL"],
  },
  { method: "POST", path: "/link-social", attempt: "caller", fields: ["provider", "callbackURL", "errorCallbackURL"] },
  { method: "POST", path: "/unlink-account", attempt: "caller", fields: ["providerId", "accountId"] },
  { method: "GET", path: "/callback/:id" },
];
